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
from pipeline.preprocess.audit.outline_sanity import Quarantined, outline_problems
from pipeline.preprocess.intake.intake_csv import USED, from_catalog_or_file
from pipeline.preprocess.split import split_patients
from pipeline.preprocess.store.fill import Outcome
from pipeline.preprocess.tables import MAMMOGRAM_COLUMNS
from pipeline.run.csv_tables import records


@dataclass(frozen=True)
class Accepted:
    """The mammograms that are used."""

    mammograms: pd.DataFrame  # rows of mammograms.csv
    outlines: Outlines  # their outlines in original pixels, by image id
    given_outlines: Outlines  # the same before any was taken out
    quarantined: list[Quarantined]  # outlines that were taken out, and findings that never had one
    notes: dict[str, list[str]]  # doubts about an image that is used, by image id
    unused_notes: dict[str, list[str]]  # what is lost with an image that is not used, by image id
    split_notes: list[str]  # how the split came about


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
    geometries = {image_id: outcomes[image_id].info["geometry"] for image_id in images["image_id"]}
    sizes = {i: (g["original_height"], g["original_width"]) for i, g in geometries.items()}
    masks = outline_masks(findings, sizes, settings)
    of_image = dict(iter(findings.groupby("image_id")))
    rows, outlines, given, notes, quarantined = [], {}, {}, {}, []
    for image in records(images):
        image_id, outcome = image["image_id"], outcomes[image["image_id"]]
        row = _row(image, outcome, split=split.of[image["patient_id"]])
        own = of_image.get(image_id, findings.iloc[:0])
        found = image_outlines(
            own,
            labels=settings.labels,
            height=row["original_height"],
            width=row["original_width"],
            spacing_mm=row["original_spacing_mm"],
            outcome=image["outcome"],
            complete=image["complete"],
            masks=masks,
        )
        wrong = outline_problems(row, found.outlines)
        row |= {"unlocated": found.unlocated or bool(wrong)}
        rows.append(tuple(row[name] for name in MAMMOGRAM_COLUMNS))
        given[image_id] = found.outlines
        outlines[image_id] = [o for o in found.outlines if o.finding_id not in wrong]
        reasons = found.rejected | wrong
        quarantined += [
            Quarantined(image_id, f.finding_id, f.kind, f.pathology, reasons[f.finding_id])
            for f in own.itertuples()
            if f.finding_id in reasons
        ]
        doubts = [f"finding {i} has no usable outline: {why}" for i, why in sorted(reasons.items())]
        remarks = [f"finding {i}: {each}" for i, of in found.notes.items() for each in of]
        notes[image_id] = [*_notes(image, outcome), *remarks, *doubts]
    left_out = catalog.findings[~catalog.findings["image_id"].isin(images["image_id"])]
    unused_notes = {
        str(image_id): [f"not used, and so its findings count nowhere ({count})"]
        for image_id, count in left_out["image_id"].value_counts().items()
    }
    mammograms = pd.DataFrame(rows, columns=list(MAMMOGRAM_COLUMNS))
    return Accepted(mammograms, outlines, given, quarantined, notes, unused_notes, split.notes)


def _row(image: Mapping, outcome: Outcome, *, split: str) -> dict:
    """A row of mammograms.csv without `unlocated`; the catalog goes before the file."""
    info = outcome.info
    known = {**info, **image, **info["geometry"], "store": outcome.store, "split": split}
    for name in ("laterality", "view", "scanner"):
        known[name], _ = from_catalog_or_file(image, info, name)
    return {name: known[name] for name in MAMMOGRAM_COLUMNS if name != "unlocated"}


def _notes(image: Mapping, outcome: Outcome) -> list[str]:
    """What the reader and the search for the breast doubt, and tags against the catalog."""
    notes = list(outcome.info["notes"])
    for name in ("laterality", "view"):
        known, read = image[name], outcome.info[name]
        if known and read and known != read:
            notes.append(f"{name} is {known} in the catalog, {read} in the file")
    return notes
