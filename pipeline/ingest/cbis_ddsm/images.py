"""Rows of the catalog: one image for each mammogram, one finding for each abnormality on it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.ingest.cbis_ddsm.division import Division
from pipeline.ingest.cbis_ddsm.files import DicomFile, Ending
from pipeline.ingest.cbis_ddsm.pixels import choose_mask, difference
from pipeline.ingest.cbis_ddsm.tables import Lesion

_SIDES = {"LEFT": "L", "RIGHT": "R"}
_MASK = "the mask of a finding"
_NO_MASK = "the cropped image of a finding, or a copy of its mask"


@dataclass(frozen=True)
class Mammogram:
    """A mammogram: the file that stands for it, and what became of that and of its copies."""

    file: DicomFile
    endings: dict[str, Ending]


@dataclass(frozen=True)
class Finding:
    """A row of the findings, and what became of the files that it was made of."""

    row: dict
    endings: dict[str, Ending]


def unite(files: Sequence[DicomFile]) -> Mammogram:
    """Choose one of the files of a mammogram; the others are copies, which their pixels confirm.

    Args:
        files: one or more, with the same image id.
    """
    first, *others = sorted(files, key=_preference)
    endings, doubts = {}, []
    for other in others:
        problem = difference(first, other)
        reason = f"the same mammogram as {first.file.name}"
        if problem:
            doubts.append(f"{other.file.name} is named as the same mammogram, but {problem}")
            reason = f"named as the same mammogram as {first.file.name}, but {problem}"
        endings[other.file.name] = Ending("skipped", reason)
    endings[first.file.name] = Ending("candidate", "; ".join(doubts))
    return Mammogram(first, endings)


def image_row(first: DicomFile, lesions: Sequence[Lesion], division: Division) -> dict:
    """The row of a mammogram in the images, from its rows in the tables."""
    name = first.name
    return {
        "image_id": name.image_id,
        "patient_id": name.patient_id,
        "laterality": _SIDES[name.side],
        "view": name.view,
        "file": first.file.path.as_posix(),
        "source": first.file.name,
        "dataset": "cbis_ddsm",
        "split_hint": division.part(name.patient_id),
        "outcome": "abnormal",
        "density": next((lesion.density for lesion in lesions if lesion.density), ""),
    }


def make_finding(
    lesion: Lesion, files: Sequence[DicomFile], shape: tuple[int, int] | None, *, borrowed: bool
) -> Finding:
    """The finding of a row, with its mask if there is one.

    Args:
        files: of the abnormality: its mask and its cropped image, or what is there of them.
        shape: rows and columns of the mammogram; None where they are unknown.
        borrowed: the row is of a training list, its mammogram of a test list.
    """
    mask = choose_mask(sorted(files, key=lambda f: f.file.name), shape)
    endings = {
        file.file.name: Ending("skipped", _MASK if file is mask else _NO_MASK) for file in files
    }
    notes = [f"BI-RADS assessment {lesion.assessment}"]
    if borrowed:
        notes.append(f"from the list {lesion.name.list_name}, on a mammogram of a test list")
    if mask is None:
        notes.append("its mask is not there")
    row = {
        "finding_id": lesion.finding_id,
        "image_id": lesion.name.image_id,
        "kind": lesion.kind,
        "pathology": lesion.pathology,
        "geometry": "none" if mask is None else "mask",
        "coordinates": json.dumps({} if mask is None else {"file": mask.file.path.as_posix()}),
        "note": "; ".join(notes),
    }
    return Finding(row, endings)


def _preference(file: DicomFile) -> tuple:
    """Readable headers first, then test lists, then a fixed order."""
    return file.shape is None, not file.name.is_test, file.name, file.file.name
