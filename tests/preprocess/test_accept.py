"""The mammograms that are used: what catalog, reader and outlines say of them, joined."""

import json

import numpy as np
import pytest

from pipeline.config import DicomSettings, LabelSettings, Settings, StoreSettings
from pipeline.ingest.catalog import make_catalog
from pipeline.preprocess.accept import accept
from pipeline.preprocess.store.entries import write_entry
from pipeline.preprocess.store.fill import Outcome

INFO = {
    "geometry": {
        "original_height": 160,
        "original_width": 80,
        "height": 160,
        "width": 80,
        "row0": 0,
        "col0": 0,
        "row_scale": 1.0,
        "col_scale": 1.0,
        "flipped": False,
        "spacing_mm": 0.8,
    },
    "original_spacing_mm": 0.8,
    "spacing_source": "Imager Pixel Spacing",
    "breast_mm2": 8192.0,
    "pixel_sha256": "0",
    "window": "none",
    "polarity": "MONOCHROME2",
    "laterality": "L",
    "view": "CC",
    "scanner": "Maker",
    "notes": ["a doubt"],
}


@pytest.fixture
def accepted(tmp_path):
    """Accept images by id, with findings of image a as (id, geometry, coordinates)."""
    store = str(tmp_path / "entry")
    breast = np.arange(10) < np.full((20, 1), 6)
    write_entry(store, image=np.zeros((160, 80), np.uint16), breast=breast, info={})

    def run(*findings, outcomes=("used",), labels=None, **image):
        rows = [
            {"image_id": i, "patient_id": f"w{i}", "dataset": "dicom", "outcome": "abnormal"}
            | {"file": f"/{i}.dcm", "source": f"{i}.dcm", **image}
            for i, _ in zip("abc", outcomes, strict=False)
        ]
        found = [
            {"finding_id": name, "image_id": "a", "kind": "mass", "pathology": "benign"}
            | {"geometry": geometry, "coordinates": json.dumps(value)}
            for name, geometry, value in findings
        ]
        settings = Settings(
            store=StoreSettings(root=tmp_path / "store"),
            dicom=DicomSettings(workers=0),
            labels=labels or LabelSettings(),
        )
        ends = {
            row["image_id"]: Outcome(status, store=store, info=INFO)
            for row, status in zip(rows, outcomes, strict=True)
        }
        return accept(make_catalog(rows, found, []), ends, settings, all_test=False)

    return run


CIRCLE = {"row": 80, "col": 24, "radius": 10}
OUTSIDE = {"row": 80, "col": 400, "radius": 10}


def test_only_used_images_have_a_row(accepted):
    result = accepted(outcomes=("used", "skipped", "used"))
    assert result.mammograms["image_id"].tolist() == list(result.outlines) == ["a", "c"]


def test_findings_of_an_image_that_is_not_used_are_told(accepted):
    findings = [("f1", "circle", CIRCLE), ("f2", "none", {})]
    result = accepted(*findings, outcomes=("skipped", "used"))
    told = ["not used, and so its findings count nowhere (2)"]
    assert result.unused_notes == {"a": told}
    assert set(result.notes) == {"b"}
    assert accepted(*findings).unused_notes == {}


def test_no_used_image_leaves_empty_tables_with_their_columns(accepted):
    result = accepted(outcomes=("failed",))
    assert len(result.mammograms) == 0
    assert "split" in result.mammograms.columns


def test_the_catalog_goes_before_the_file_and_a_contradiction_is_noted(accepted):
    result = accepted(laterality="R", scanner="DBA")
    (row,) = result.mammograms.to_dict("records")
    assert (row["laterality"], row["view"], row["scanner"]) == ("R", "CC", "DBA")
    assert result.notes["a"] == ["a doubt", "laterality is R in the catalog, L in the file"]


def test_what_was_done_to_an_outline_is_noted(accepted):
    half = {"row": -0.5, "col": 24, "radius": 10}
    crossing = [[60, 10], [100, 40], [100, 10], [60, 40]]
    result = accepted(("f", "circle", half), ("g", "polygon", crossing))
    assert [outline.finding_id for outline in result.outlines["a"]] == ["f", "g"]
    assert result.notes["a"] == [
        "a doubt",
        "finding f: 50% of the box around it lies outside the image of 160 x 80 pixels and cannot "
        "count",
        "finding g: its outline crosses or touches itself: all that it encloses counts",
    ]


def test_a_good_outline_stays_and_its_image_is_located(accepted):
    result = accepted(("f", "circle", CIRCLE))
    assert [outline.finding_id for outline in result.outlines["a"]] == ["f"]
    assert not result.mammograms["unlocated"].any()
    assert result.quarantined == []


@pytest.mark.parametrize(
    ("geometry", "value", "reason"),
    [("circle", OUTSIDE, "outside the image"), ("mask", {"file": "/none.png"}, "cannot be read")],
)
def test_an_outline_that_cannot_be_used_is_quarantined_and_leaves_the_others(
    accepted, geometry, value, reason
):
    result = accepted(("bad", geometry, value), ("good", "circle", CIRCLE))
    assert [outline.finding_id for outline in result.outlines["a"]] == ["good"]
    (out,) = result.quarantined
    assert (out.image_id, out.finding_id, out.kind, out.pathology) == ("a", "bad", "mass", "benign")
    assert reason in out.reason
    assert result.mammograms["unlocated"].all()
    assert result.notes["a"][1] == f"finding bad has no usable outline: {out.reason}"


def test_an_outline_in_the_air_is_kept_among_those_given_only(accepted):
    result = accepted(("f", "circle", {"row": 80, "col": 68, "radius": 8}))
    assert result.outlines["a"] == []
    assert result.quarantined[0].reason.startswith("lies outside the breast")
    assert [outline.finding_id for outline in result.given_outlines["a"]] == ["f"]


def test_a_finding_without_a_place_is_no_quarantine_but_gives_no_negatives(accepted):
    result = accepted(("f", "none", {}))
    assert result.quarantined == []
    assert result.mammograms["unlocated"].all()
    assert result.notes["a"] == ["a doubt"]
