"""The split: every patient is in exactly one of train, validation and test."""

import hashlib
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import pandas as pd

from pipeline.config import SplitSettings
from pipeline.ingest.notes import some
from pipeline.run.errors import UserError

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass
class PatientSplit:
    """Split by patient id, and how it came about, in sentences for the user."""

    of: dict[str, str]
    notes: list[str] = field(default_factory=list)


def split_patients(
    images: pd.DataFrame,
    findings: pd.DataFrame,
    settings: SplitSettings,
    *,
    fixed: Mapping[str, str] | None = None,
    all_test: bool = False,
) -> PatientSplit:
    """Split the patients of a catalog.

    In this order: everything is test where `all_test`; a fold of a cross-validation; the user's
    own table; the data set's own split, if `use_hints`; else a hash of seed and patient id ranks
    the patients with findings and those without, and the first of each rank are the test
    patients, the next validation. A given split without validation patients gives a part of its
    training patients to validation, chosen by the same ranks.

    Args:
        images: catalog/images.csv: image_id, patient_id, split_hint.
        findings: catalog/findings.csv: image_id.
        fixed: the user's own table: split by patient id.
        all_test: the data are judged with a model that was trained elsewhere.

    Raises:
        UserError: the data set's own split has a patient twice.
    """
    patients = sorted(images["patient_id"].unique())
    if all_test:
        return PatientSplit(dict.fromkeys(patients, TEST), ["all patients are test patients"])
    with_finding = images["image_id"].isin(findings["image_id"])
    ranks = _ranks(patients, set(images.loc[with_finding, "patient_id"]), settings.seed)
    if settings.folds is not None and settings.fold is not None:
        return _fold(ranks, settings, fold=settings.fold, folds=settings.folds)
    own = {patient: part for patient, part in (fixed or {}).items() if patient in set(patients)}
    hints = _hints(images[~images["patient_id"].isin(list(own))]) if settings.use_hints else {}
    given = own | hints
    rest = set(patients) - set(given)
    by_hash = _parts(ranks, rest, test=settings.test, validation=settings.validation)
    result = PatientSplit(given | by_hash)
    for origin, part in (("the user's own table", own), ("the data set's own split", hints)):
        if part:
            result.notes.append(f"{len(part)} patients are split by {origin}")
    if given and VALIDATION not in given.values():
        # In the proportion of the settings.
        share = settings.validation / (1 - settings.test) if settings.test < 1 else 0.0
        training = {patient for patient, part in given.items() if part == TRAIN}
        moved = _parts(ranks, training, test=0.0, validation=share)
        result.of.update(moved)
        count = list(moved.values()).count(VALIDATION)
        if count:
            result.notes.append(f"{count} of its training patients became validation patients")
    if rest:
        result.notes.append(f"{len(rest)} patients are split by hash, seed {settings.seed}")
    return result


def _fold(
    ranks: list[list[str]], settings: SplitSettings, *, fold: int, folds: int
) -> PatientSplit:
    """Every patient is a test patient in exactly one fold; a share of the others validates."""
    test = {patient for group in ranks for patient in group[fold - 1 :: folds]}
    rest = {patient for group in ranks for patient in group} - test
    share = settings.validation / (1 - 1 / folds)
    split = _parts(ranks, rest, test=0.0, validation=share)
    note = f"fold {fold} of {folds} of a cross-validation, seed {settings.seed}"
    return PatientSplit(split | dict.fromkeys(sorted(test), TEST), [note])


def _hints(images: pd.DataFrame) -> dict[str, str]:
    """The data set's own split, as far as it has one."""
    hinted = images.loc[images["split_hint"] != "", ["patient_id", "split_hint"]]
    hinted = hinted.drop_duplicates().sort_values(["patient_id", "split_hint"])
    twice = sorted(hinted.loc[hinted["patient_id"].duplicated(), "patient_id"].unique())
    if twice:
        raise UserError(
            f"The data set's own split has patients in more than one part: {some(twice)}. "
            "Decide in a split.csv with the columns patient_id,split, or set "
            "split.use_hints=false."
        )
    return dict(zip(hinted["patient_id"], hinted["split_hint"], strict=True))


def _ranks(patients: list[str], abnormal: set[str], seed: int) -> list[list[str]]:
    """Patients with findings, and those without, each by a hash of seed and patient id."""

    return [
        sorted((p for p in patients if (p in abnormal) is kind), key=lambda p: digest(p, seed))
        for kind in (True, False)
    ]


def digest(patient: str, seed: int) -> str:
    """What patients are drawn by: the same on every machine, and in no order of theirs."""
    return hashlib.sha256(f"{seed}/{patient}".encode()).hexdigest()


def _parts(
    ranks: list[list[str]], chosen: Set[str], *, test: float, validation: float
) -> dict[str, str]:
    """Split the patients chosen by their ranks, separately with and without findings."""
    groups = [[patient for patient in group if patient in chosen] for group in ranks]
    sizes = [len(group) for group in groups]
    tests = _shares(sizes, test, room=sizes)
    room = [size - taken for size, taken in zip(sizes, tests, strict=True)]
    validations = _shares(sizes, validation, room=room)
    split: dict[str, str] = {}
    for group, first, second in zip(groups, tests, validations, strict=True):
        parts = [TEST] * first + [VALIDATION] * second + [TRAIN] * len(group)
        split.update(zip(group, parts, strict=False))
    return split


def _shares(sizes: list[int], share: float, *, room: list[int]) -> list[int]:
    """How many of each group, so that the sum is `share` of all, rounded to the nearest.

    What rounding down leaves over goes to the first group, those with findings, if it got
    none, and else to the larger remainder. No group gives more than it has `room` for.

    Example:
        >>> _shares([3, 97], 0.25, room=[3, 97])
        [1, 24]
    """
    counts = [min(int(share * size), most) for size, most in zip(sizes, room, strict=True)]
    over = int(share * sum(sizes) + 0.5) - sum(counts)
    wants = sorted(
        (i for i, most in enumerate(room) if counts[i] < most),
        key=lambda i: (not (i == 0 and counts[0] == 0), counts[i] - share * sizes[i], i),
    )
    for i in wants[: max(over, 0)]:
        counts[i] += 1
    return counts
