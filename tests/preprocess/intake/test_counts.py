"""The tables of intake.html: counts that add up."""

import pandas as pd

from pipeline.annotations.outlines import Circle, Outline
from pipeline.preprocess.accept import Accepted
from pipeline.preprocess.audit.outline_sanity import Quarantined
from pipeline.preprocess.intake.counts import (
    MOST_ROWS,
    duplicate_rows,
    kind_of,
    lesion_rows,
    reason_rows,
    scanner_rows,
    split_rows,
    view_rows,
)
from pipeline.preprocess.store.fill import Outcome


def intake(*rows):
    return pd.DataFrame(rows, columns=["file", "status", "reason"])


def mammograms(*rows):
    """image, patient, split, outcome, unlocated, pixels"""
    columns = ["image_id", "patient_id", "split", "outcome", "unlocated", "pixel_sha256"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(
        source=table["image_id"] + ".dcm",
        scanner="Maker",
        original_height=10,
        original_width=20,
        original_spacing_mm=0.07,
        spacing_source="Imager Pixel Spacing",
        window="LINEAR 5/6",
        polarity="MONOCHROME2",
    )


TWO = (
    ("a", "w1", "train", "abnormal", True, "x"),
    ("b", "w1", "train", "normal", False, "y"),
    ("c", "w2", "test", "unknown", True, "x"),
)


def accepted(table=None, outlines=None, quarantined=()):
    table = mammograms(*TWO) if table is None else table
    outlines = outlines or {image_id: [] for image_id in table["image_id"]}
    return Accepted(table, outlines, outlines, list(quarantined), {}, {}, [])


def outline(finding_id, positive):
    return Outline(finding_id, "mass", "benign", positive, Circle(9, 8, 7))


def test_reasons_that_differ_by_a_number_a_path_or_an_id_are_one_kind():
    assert kind_of("3 frames") == kind_of("12 frames") == "… frames"
    assert kind_of("mask a/b c/d.dcm has 600 x 405 pixels") == "mask … has … x … pixels"
    assert kind_of("finding w1-L-2 has none") == "finding … has none"
    assert kind_of("Modality is CT, not MG") == "Modality is CT, not MG"
    assert kind_of("JPEG2000 stream, mm2") == "JPEG2000 stream, mm2"


def test_used_come_first_then_failed_then_skipped_and_all_add_up():
    rows = reason_rows(
        intake(
            *[(f"s{i}", "skipped", f"{i + 2} frames") for i in range(5)],
            ("t", "failed", "cut off"),
            ("a", "used", ""),
            ("b", "used", ""),
        )
    )
    assert [(r["status"], r["reason"], r["files"]) for r in rows] == [
        ("used", "", 2),
        ("failed", "cut off", 1),
        ("skipped", "… frames", 5),
    ]
    assert rows[2]["examples"] == ["s0", "s1", "s2"]


def test_many_kinds_of_reasons_end_in_one_row_and_still_add_up():
    words = [f"{a}{b}" for a in "abcdefghij" for b in "abcdefghij"]
    rows = reason_rows(intake(*[(word, "skipped", word) for word in words * 2]))
    assert len(rows) == MOST_ROWS
    assert sum(row["files"] for row in rows) == 200
    assert rows[-1]["reason"] == "41 other reasons"


def test_the_parts_of_the_split_add_up_to_all():
    outlines = {"a": [outline("1", True), outline("2", False)], "b": [], "c": [outline("3", True)]}
    rows = {row["name"]: row for row in split_rows(accepted(outlines=outlines))}
    assert list(rows) == ["train", "test", "all"]
    assert rows["train"] | {"images": 2, "patients": 1} == rows["train"]
    assert rows["train"] | {"abnormal_images": 1, "normal_images": 1} == rows["train"]
    assert rows["train"] | {"lesions": 1, "other_findings": 1} == rows["train"]
    assert rows["test"]["unknown_images"] == 1
    for name in set(rows["all"]) - {"name"}:
        assert rows["all"][name] == rows["train"][name] + rows["test"][name]


def test_each_finding_is_counted_ignored_quarantined_or_without_outline():
    findings = pd.DataFrame(
        [(str(i), "a" if i < 3 else "c", "mass", "benign") for i in range(5)]
        + [("9", "elsewhere", "mass", "benign")],
        columns=["finding_id", "image_id", "kind", "pathology"],
    )
    outlines = {"a": [outline("0", True), outline("1", False)], "b": [], "c": [outline("3", True)]}
    out = [Quarantined("a", "2", "mass", "benign", "outside")]
    (row,) = lesion_rows(findings, accepted(outlines=outlines, quarantined=out))
    assert row == {
        "kind": "mass",
        "pathology": "benign",
        "findings": 5,
        "images": 2,
        "counted": 2,
        "ignored": 1,
        "quarantined": 1,
        "without_outline": 1,
    }


def test_a_scanner_tells_its_spacings_and_the_range_of_its_grey_levels():
    table = mammograms(*TWO)
    table.loc[2, "original_spacing_mm"] = 0.1
    infos = {"a": (0.1, 0.8), "b": (0.2, 0.9), "c": (0.3, 1.0)}
    outcomes = {
        name: Outcome("used", info={"low": low, "high": high, "codec": "RLE"})
        for name, (low, high) in infos.items()
    }
    (row,) = scanner_rows(table, outcomes)
    assert (row["scanner"], row["images"], row["spacing_mm"]) == ("Maker", 3, "0.07 (2), 0.1 (1)")
    assert (row["window"], row["codec"], row["size_px"]) == ("LINEAR …", "RLE", "10 x 20")
    assert (row["black"], row["white"]) == ("0.200 (0.100 to 0.300)", "0.900 (0.800 to 1.000)")
    (alone,) = scanner_rows(table.iloc[:1], outcomes)
    assert (alone["black"], alone["white"]) == ("0.100", "0.800")


def test_sides_and_views_count_only_what_is_used():
    table = pd.DataFrame(
        [("used", "L", "CC"), ("used", "L", "CC"), ("used", "", "MLO"), ("skipped", "R", "ML")],
        columns=["status", "laterality", "view"],
    )
    assert view_rows(table) == [
        {"side": "unknown", "view": "MLO", "images": 1},
        {"side": "L", "view": "CC", "images": 2},
    ]


def test_identical_pixels_are_named_with_their_parts_of_the_split():
    (same,) = duplicate_rows(mammograms(*TWO))
    assert same["files"] == ["a.dcm", "c.dcm"]
    assert same["splits"] == ["train", "test"]


def test_no_image_at_all_still_makes_every_table():
    empty = accepted(mammograms().astype({"unlocated": bool}))
    findings = pd.DataFrame(columns=["finding_id", "image_id", "kind", "pathology"])
    assert split_rows(empty)[0]["images"] == 0
    assert lesion_rows(findings, empty) == scanner_rows(empty.mammograms, {}) == []
    assert duplicate_rows(empty.mammograms) == []
