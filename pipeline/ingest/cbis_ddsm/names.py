"""Names of CBIS-DDSM: what a Patient ID stands for, which is more than a patient."""

import re
from dataclasses import dataclass, replace

_NAME = re.compile(r"((?:Calc|Mass)-(?:Training|Test))_(P_\d{5})_(LEFT|RIGHT)_(CC|MLO)(?:_(\d+))?")


@dataclass(frozen=True, order=True)
class Name:
    """A mammogram of one of the four lists, or an abnormality on it."""

    list_name: str  # Calc-Test, Calc-Training, Mass-Test or Mass-Training
    patient_id: str
    side: str  # LEFT or RIGHT
    view: str  # CC or MLO
    abnormality: int = 0  # 0: the mammogram itself

    @property
    def image_id(self) -> str:
        """The mammogram without the list, because 71 of them are in two lists."""
        return f"{self.patient_id}_{self.side}_{self.view}"

    @property
    def is_test(self) -> bool:
        """Whether the list is one of the two test lists."""
        return self.list_name.endswith("-Test")

    @property
    def mammogram(self) -> "Name":
        """The mammogram that an abnormality lies on."""
        return replace(self, abnormality=0)

    @property
    def subject(self) -> str:
        """What a file of this name shows: the mammogram of one or two lists, or an abnormality."""
        return str(self) if self.abnormality else self.image_id

    def __str__(self) -> str:
        number = f"_{self.abnormality}" if self.abnormality else ""
        return f"{self.list_name}_{self.image_id}{number}"


def parse_name(text: str) -> Name | None:
    """The name in a Patient ID or in the name of a folder; None if it is none.

    Example:
        >>> parse_name("Calc-Test_P_00038_LEFT_CC_2").abnormality
        2
    """
    match = _NAME.fullmatch(text.strip(" \0"))
    if not match:
        return None
    list_name, patient_id, side, view, number = match.groups()
    return Name(list_name, patient_id, side, view, int(number or 0))
