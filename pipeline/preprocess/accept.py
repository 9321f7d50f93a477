"""What is known of the mammograms that are used: their rows, outlines, split and doubts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.annotations.findings import image_outlines
from pipeline.annotations.masks import outline_masks
from pipeline.annotations.outlines import Outlines
from pipeline.config import Settings
from pipeline.ingest.catalog import Catalog
from pipeline.preprocess.audit.outline_sanity import outline_problems
from pipeline.preprocess.intake.intake_csv import USED, from_catalog_or_file
from pipeline.preprocess.split import split_patients
from pipeline.preprocess.store.fill import Outcome
from pipeline.preprocess.tables import MAMMOGRAM_COLUMNS


@dataclass(frozen=True)
class Quarantined:
    """A finding whose outline is not used, and why."""

    image_id: str
    finding_id: str
    kind: str
    pathology: str
    reason: str


@dataclass(frozen=True)
class Accepted:
    """The mammograms that are used.

    Attributes:
        mammograms: rows of mammograms.csv.
        outlines: their outlines in original pixels, by image id.
        given_outlines: the same before any was taken out.
        quarantined: outlines that were taken out, and findings that never had one.
        notes: doubts about an image, by image id.
        split_notes: how the split came about.
    """

    mammograms: pd.DataFrame
    outlines: Outlines
    given_outlines: Outlines
    quarantined: list[Quarantined]
    notes: dict[str, list[str]]
    split_notes: list[str]


def accept(
    catalog: Catalog, outcomes: Mapping[str, Outcome], settings: Settings, *, all_test: bool
) -> Accepted:
    """Join the catalog with what became of its images.

    An outline that cannot be right is taken out. Something abnormal is then somewhere in the
    image, nobody knows where, so none of its positions counts as negative.

    Args:
        outcomes: by image id.
        all_test: the data are judged with a model that was trained elsewhere.

    Raises:
        UserError: the data set's own split has a patient twice.
    """
    used = [outcomes[image_id].status == USED for image_id in catalog.images["image_id"]]
    images = catalog.images[np.array(used, bool)]
    findings = catalog.findings[catalog.findings["image_id"].isin(images["image_id"])]
    split = split_patients(images, findings, settings.split, fixed=catalog.split, all_test=all_test)
    masks = outline_masks(findings, _sizes(outcomes, images), settings)
    of_image = dict(iter(findings.groupby("image_id")))
    rows, outlines, given, notes, quarantined = [], {}, {}, {}, []
    for image in images.to_dict("records"):
        image_id, outcome = image["image_id"], outcomes[image["image_id"]]
        row = _row(image, outcome, split=split.of[image["patient_id"]])
        own = of_image.get(image_id, findings.iloc[:0])
        found = image_outlines(
            own,
            labels=settings.labels,
            height=row["original_height"],
            width=row["original_width"],
            outcome=image["outcome"],
            complete=image["complete"],
            masks=masks,
        )
        wrong = outline_problems(row, found.outlines)
        rows.append(row | {"unlocated": found.unlocated or bool(wrong)})
        given[image_id] = found.outlines
        outlines[image_id] = [o for o in found.outlines if o.finding_id not in wrong]
        out = _quarantined(own, found.rejected | wrong)
        quarantined += out
        doubts = [f"finding {q.finding_id} has no usable outline: {q.reason}" for q in out]
        notes[image_id] = [*_notes(image, outcome), *doubts]
    mammograms = pd.DataFrame(rows, columns=list(MAMMOGRAM_COLUMNS))
    return Accepted(mammograms, outlines, given, quarantined, notes, split.notes)


def _sizes(outcomes: Mapping[str, Outcome], images: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Rows and columns of the original images."""
    geometries = {image_id: outcomes[image_id].info["geometry"] for image_id in images["image_id"]}
    return {i: (g["original_height"], g["original_width"]) for i, g in geometries.items()}


def _row(image: Mapping, outcome: Outcome, *, split: str) -> dict:
    """A row of mammograms.csv. What the catalog knows goes before what the file says."""
    info = outcome.info
    same = ("original_spacing_mm", "breast_mm2", "pixel_sha256", "window", "polarity")
    return {
        **{name: image[name] for name in ("image_id", "patient_id", "dataset", "outcome")},
        **{name: image[name] for name in ("density", "site", "source", "file")},
        **{
            name: from_catalog_or_file(image, info, name)[0]
            for name in ("laterality", "view", "scanner")
        },
        **info["geometry"],
        **{name: info[name] for name in (*same, "spacing_source")},
        "store": outcome.store,
        "split": split,
    }


def _quarantined(findings: pd.DataFrame, reasons: Mapping[str, str]) -> list[Quarantined]:
    """The findings that `reasons` names by their id."""
    if not reasons:
        return []
    out = findings[findings["finding_id"].isin(list(reasons))]
    return [
        Quarantined(f.image_id, f.finding_id, f.kind, f.pathology, reasons[f.finding_id])
        for f in out.itertuples()
    ]


def _notes(image: Mapping, outcome: Outcome) -> list[str]:
    """What the reader and the search for the breast doubt, and tags against the catalog."""
    notes = list(outcome.info["notes"])
    for name in ("laterality", "view"):
        known, read = image[name], outcome.info[name]
        if known and read and known != read:
            notes.append(f"{name} is {known} in the catalog, {read} in the file")
    return notes
