"""The four tables of CBIS-DDSM: one row for each abnormality on a mammogram of a list.

31 patients are on training and on test lists at once: "test wins".
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import DataSettings
from pipeline.ingest.cbis_ddsm.names import Name, parse_name
from pipeline.ingest.cells import acr_density
from pipeline.ingest.source_files import SourceFile
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError

TABLES = {
    "Calc-Test": "calc_case_description_test_set.csv",
    "Calc-Training": "calc_case_description_train_set.csv",
    "Mass-Test": "mass_case_description_test_set.csv",
    "Mass-Training": "mass_case_description_train_set.csv",
}
# Browsers add (1) to a name that is taken.
_FILE = re.compile(r"(calc|mass)_case_description_(test|train)_set\b.*\.csv", re.IGNORECASE)
_PATHS = ("image file path", "cropped image file path", "roi mask file path")
_NAME = ("patient id", "left or right breast", "image view", "abnormality id")
_VALUES = {
    "breast density": ("", "0", "1", "2", "3", "4"),
    "abnormality type": ("calcification", "mass"),
    "assessment": ("0", "1", "2", "3", "4", "5"),
    "pathology": ("malignant", "benign", "benign_without_callback"),
}


@dataclass(frozen=True)
class Lesion:
    """A row: an abnormality and where its files were when the tables were made."""

    where: str  # table and line, for messages
    name: Name  # of the list that the table is
    kind: str  # calcification or mass
    pathology: str  # malignant, benign or benign_without_callback
    assessment: int  # BI-RADS, 0 (needs more pictures) to 5
    density: str  # BI-RADS, 1 to 4; "" where it is unknown, which the tables write as 0
    # Series Instance UIDs of the mammogram, and of the mask and the cropped image, which share
    # one in most rows. The tables swap the last two at will.
    series: tuple[str, str, str]

    @property
    def finding_id(self) -> str:
        """As P_00038_LEFT_CC-calc-1: abnormalities are numbered within a list."""
        return f"{self.name.image_id}-{self.kind[:4]}-{self.name.abnormality}"


@dataclass(frozen=True)
class OfficialSplit:
    """The rows of the tables by what they count for."""

    test_patients: frozenset[str]  # on a test list
    shared_patients: frozenset[str]  # those of them that are on a training list, too
    kept: tuple[Lesion, ...]  # of the part that their patient belongs to
    # Of a training list, on a mammogram that a test list has as well: true lesions of the test,
    # so that whoever finds them raises no false alarm.
    borrowed: tuple[Lesion, ...]
    left_out: tuple[Lesion, ...]  # of a training list, on other mammograms of test patients

    def part(self, patient_id: str) -> str:
        """The split of a patient: train or test."""
        return "test" if patient_id in self.test_patients else "train"


def official_split(lesions: Collection[Lesion]) -> OfficialSplit:
    """A patient on any test list is a test patient."""
    on_test = [lesion.name for lesion in lesions if lesion.name.is_test]
    patients = frozenset(name.patient_id for name in on_test)
    images = {name.image_id for name in on_test}
    kept: list[Lesion] = []
    others: list[Lesion] = []
    for lesion in lesions:
        is_kept = lesion.name.is_test or lesion.name.patient_id not in patients
        (kept if is_kept else others).append(lesion)
    shared = frozenset(lesion.name.patient_id for lesion in others)
    borrowed = tuple(lesion for lesion in others if lesion.name.image_id in images)
    left_out = tuple(lesion for lesion in others if lesion.name.image_id not in images)
    return OfficialSplit(patients, shared, tuple(kept), borrowed, left_out)


def find_tables(data: DataSettings, files: Iterable[SourceFile]) -> dict[str, Path]:
    """The tables by list: in the folder data.findings if it is given, else below data.root.

    Raises:
        UserError: there is none, or two that differ claim to be the same.
    """
    if data.findings is not None and not data.findings.is_dir():
        raise UserError(
            f"data.findings={data.findings} is no folder. Name the one that holds "
            f"{TABLES['Calc-Training']} and the other tables of CBIS-DDSM."
        )
    given = [file.path for file in files] if data.findings is None else data.findings.iterdir()
    found: dict[str, Path] = {}
    for path in sorted(given, key=lambda path: (len(path.parts), str(path))):
        list_name = _list_of(path)
        if list_name and path.is_file():
            first = found.setdefault(list_name, path)
            if first.read_bytes() != path.read_bytes():
                raise UserError(
                    f"{first} and {path} differ. Delete one of them, or put the right tables into "
                    "a folder of their own and name it with data.findings."
                )
    if not found:
        raise UserError(
            f"{data.findings or data.root} has none of the four tables of CBIS-DDSM: "
            f"{', '.join(TABLES.values())}. Download them from the data set's page "
            "(doi:10.7937/K9/TCIA.2016.7O02S9CY) into data.root, or name their folder with "
            "data.findings."
        )
    return found


def is_table(path: Path) -> bool:
    """Whether a file is called like one of the four tables."""
    return bool(_list_of(path))


def read_tables(tables: dict[str, Path]) -> list[Lesion]:
    """All rows of the tables, by list.

    Raises:
        UserError: a column is missing, or a row is wrong, of another list, or there twice.
    """
    lesions: dict[str, Lesion] = {}
    for list_name in TABLES:
        for lesion in _read(tables[list_name], list_name) if list_name in tables else ():
            first = lesions.setdefault(lesion.finding_id, lesion)
            if first is not lesion:
                what = f"{lesion.finding_id} is there already, {first.where}"
                raise UserError(f"{lesion.where}: {what}.")
    return list(lesions.values())


def _list_of(path: Path) -> str:
    match = _FILE.fullmatch(path.name)
    if not match:
        return ""
    part = "Test" if match[2].lower() == "test" else "Training"
    return f"{match[1].capitalize()}-{part}"


def _read(path: Path, list_name: str) -> list[Lesion]:
    table = read_text_table(
        path,
        needed=(*_NAME, *_VALUES, *_PATHS),
        # `breast density` of the calc tables and `breast_density` of the mass tables alike
        rename=lambda name: " ".join(name.lower().replace("_", " ").split()),
        advice=f"Download {TABLES[list_name]} anew, and do not save it with a spreadsheet.",
        whole_lines=True,
    )
    return [_lesion(row, where, list_name) for where, row in table.rows]


def _lesion(row: dict[str, str], where: str, list_name: str) -> Lesion:
    for column, allowed in _VALUES.items():
        if row[column].lower() not in allowed:
            raise UserError(f"{where}: {column} must be one of {allowed}, not {row[column]!r}.")
    text = "_".join((list_name, *(row[column] for column in _NAME)))
    name = parse_name(text)
    paths = [row[column].split("/") for column in _PATHS]
    if name is None or not name.abnormality:
        raise UserError(
            f"{where}: patient, side, view and abnormality must be as in "
            f"{list_name}_P_00038_LEFT_CC_1, not {text}."
        )
    wanted = [str(name.mammogram), str(name), str(name)]
    for column, path, folder in zip(_PATHS, paths, wanted, strict=True):
        if path[0] != folder or len(path) < 3:
            raise UserError(
                f"{where}: {column} must be as {folder}/STUDY/SERIES/FILE, not {'/'.join(path)}. "
                "Is the table another one than its file name says, or that of another copy of the "
                "set? Take the tables and the DICOM files of its own page."
            )
    return Lesion(
        where,
        name,
        kind=row["abnormality type"].lower(),
        pathology=row["pathology"].lower(),
        assessment=int(row["assessment"]),
        density=acr_density(row["breast density"]),
        series=(paths[0][-2], paths[1][-2], paths[2][-2]),
    )
