"""Which rows count for which part: 31 patients are on training and on test lists at once."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.ingest.cbis_ddsm.tables import Lesion


@dataclass(frozen=True)
class OfficialSplit:
    """The rows of the tables after the rule "test wins".

    Attributes:
        test_patients: patients of a test list.
        shared_patients: those of them that are on a training list, too.
        kept: rows of the part that their patient belongs to.
        borrowed: rows of a training list on a mammogram that a test list has as well: true
            lesions of the test, so that whoever finds them raises no false alarm.
        left_out: rows of a training list on other mammograms of test patients.
    """

    test_patients: frozenset[str]
    shared_patients: frozenset[str]
    kept: tuple[Lesion, ...]
    borrowed: tuple[Lesion, ...]
    left_out: tuple[Lesion, ...]

    def part(self, patient_id: str) -> str:
        """The split of a patient: train or test."""
        return "test" if patient_id in self.test_patients else "train"


def official_split(lesions: Iterable[Lesion]) -> OfficialSplit:
    """A patient on any test list is a test patient."""
    lesions = list(lesions)
    on_test = [lesion for lesion in lesions if lesion.name.is_test]
    patients = {lesion.name.patient_id for lesion in on_test}
    images = {lesion.name.image_id for lesion in on_test}
    kept, borrowed, left_out = [], [], []
    for lesion in lesions:
        if lesion.name.is_test or lesion.name.patient_id not in patients:
            kept.append(lesion)
        elif lesion.name.image_id in images:
            borrowed.append(lesion)
        else:
            left_out.append(lesion)
    return OfficialSplit(
        frozenset(patients),
        frozenset(lesion.name.patient_id for lesion in (*borrowed, *left_out)),
        tuple(kept),
        tuple(borrowed),
        tuple(left_out),
    )
