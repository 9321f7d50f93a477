"""What all builders share: the tree to write, its pictures, files, tables and ids."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.config import PhantomSettings
from pipeline.dicom.write_synthetic import write_synthetic
from pipeline.ingest.phantom.picture import Picture, draw_picture
from pipeline.ingest.phantom.plan import SIDES, VIEWS, plan_patient


@dataclass(frozen=True)
class Tree:
    """What a builder is given."""

    root: Path  # folder, empty or absent
    patients: int  # number of patients, four pictures each
    spacing_mm: float  # pixel spacing of the pictures, in mm
    seed: int  # of the pictures

    def of_each_patient(self) -> Iterator[tuple[int, list[Picture]]]:
        """The number of each patient, from 0, and her four pictures."""
        for patient in range(self.patients):
            pictures = example_pictures([patient], spacing_mm=self.spacing_mm, seed=self.seed)
            yield patient, list(pictures)

    def pictures(self) -> Iterator[Picture]:
        """All pictures, patient by patient."""
        return example_pictures(range(self.patients), spacing_mm=self.spacing_mm, seed=self.seed)

    def path(self, name: str) -> Path:
        """A path below the root, whose folder is made."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file below the root."""
        self.path(name).write_bytes(content.encode() if isinstance(content, str) else content)

    def write_picture(
        self,
        name: str,
        picture: Picture,
        *,
        inverted: bool = False,
        syntax: str = "explicit",
        header: Mapping[str, object] | None = None,
    ) -> None:
        """Write a picture as a DICOM mammogram with the header that a data set leaves in it.

        Args:
            inverted: MONOCHROME1 instead of MONOCHROME2.
            syntax: a key of pipeline.dicom.write.ENCODINGS.
            header: values of elements by keyword, in place of the phantom's; None removes one.
        """
        write_synthetic(
            self.path(name),
            picture.pixels,
            patient_id=f"SYNTHETIC-{picture.patient + 1:04d}",
            laterality=picture.side,
            view=picture.view,
            spacing_mm=self.spacing_mm,
            inverted=inverted,
            encoding=syntax,
            changes=header,
        )

    def write_table(
        self, name: str, columns: Sequence[str], rows: Sequence[Mapping], *, line_end: str = "\n"
    ) -> None:
        """Write a CSV table: of each row the values of `columns`, blank where it has none."""
        table = pd.DataFrame(rows, columns=list(columns), dtype=object)
        self.write(name, table.to_csv(index=False, lineterminator=line_end))


def example_pictures(patients: Iterable[int], *, spacing_mm: float, seed: int) -> Iterator[Picture]:
    """Four pictures of each patient; about every second patient has lesions."""
    phantom = PhantomSettings(seed=seed, spacing_mm=spacing_mm)
    for index in patients:
        patient = plan_patient(index, phantom)
        for side in SIDES:
            for view in VIEWS:
                yield draw_picture(patient, side, view, phantom)


def pathologies(pictures: Iterable[Picture]) -> set[str]:
    """benign, malignant, both or none: of the lesions that the pictures show."""
    return {lesion.pathology for picture in pictures for lesion in picture.lesions}


def hex_id(*words: object, digits: int) -> str:
    """Hexadecimal digits that follow from the words."""
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()[:digits]
