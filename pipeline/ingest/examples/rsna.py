"""A small tree in the form of RSNA 2022, with what makes that set hard to read.

Stripped headers without side, view and modality, some of them without pixel spacing; JPEG 2000
and JPEG Lossless; LINEAR, SIGMOID and LINEAR_EXACT windows; both polarities; two sites that fill
in different columns; an axillary tail; an implant; recalls without cancer; a row without a file
and a file without a row; test images without labels. How far the real headers are stripped is
not known for every element; the importer needs none of them.
"""

import csv
import hashlib
import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.ingest.examples.dicom import write_picture
from pipeline.ingest.examples.pictures import ExamplePicture, example_pictures, pathology

TRAIN_COLUMNS = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,"
    "density,machine_id,difficult_negative_case"
)
TEST_COLUMNS = "site_id,patient_id,image_id,laterality,view,age,implant,machine_id,prediction_id"
FIRST_PATIENT, STEP = 10006, 5
MACHINES = {1: ("49", "93"), 2: ("29", "21")}
WINDOWS = ("LINEAR", "SIGMOID", "LINEAR_EXACT")
SYNTAXES = ("jpeg2000", "jpeg_lossless")
# Of the phantom's elements; the set keeps ids, the pixels and how to show them.
STRIPPED = (
    "SOPClassUID SpecificCharacterSet PatientName PatientBirthDate PatientSex PatientComments "
    "StudyID StudyDate SeriesDate AcquisitionDate StudyTime SeriesTime AcquisitionTime "
    "AccessionNumber ReferringPhysicianName StudyDescription Modality SeriesNumber "
    "SeriesDescription PresentationIntentType Manufacturer ManufacturerModelName InstitutionName "
    "DeviceSerialNumber SoftwareVersions ImageComments ImageType ImageLaterality "
    "PatientOrientation BodyPartExamined AnatomicRegionSequence ViewPosition ViewCodeSequence "
    "DetectorType DetectorID FieldOfViewShape PositionerType OrganExposed BreastImplantPresent "
    "PartialView AcquisitionContextSequence PresentationLUTShape BurnedInAnnotation"
)


def build(root: Path, *, women: int, spacing_mm: float, seed: int) -> None:
    """Write the tree.

    Args:
        root: folder, empty or absent.
        women: number of patients; from four on the last one is a test patient.
        spacing_mm: pixel spacing of the pictures; the files of machine 93 do not say it.
        seed: of the pictures.
    """
    train, test = [], []
    pictures = example_pictures(women, spacing_mm=spacing_mm, seed=seed)
    for woman, of_woman in itertools.groupby(pictures, key=lambda picture: picture.woman):
        is_test = women >= 4 and woman == women - 1
        folder = root / ("test_images" if is_test else "train_images") / str(_patient(woman))
        (test if is_test else train).extend(
            _write_woman(folder, list(of_woman), spacing_mm=spacing_mm)
        )
    _write_strangers(root / "train_images", train)
    _write_table(root / "train.csv", TRAIN_COLUMNS, train)
    _write_table(root / "test.csv", TEST_COLUMNS, test)
    _put(root / "sample_submission.csv", "prediction_id,cancer\n10116_L,0.0205\n")
    _put(root / "SYNTHETIC.txt", "Synthetic pictures: no person was imaged.\n")


def _write_woman(
    folder: Path, pictures: Sequence[ExamplePicture], *, spacing_mm: float
) -> list[dict]:
    """Write her pictures; return her rows of the table."""
    rows = []
    for side, of_side in itertools.groupby(pictures, key=lambda picture: picture.side):
        breast = list(of_side)
        pathologies = {pathology(lesion) for p in breast for lesion in p.lesions}
        for picture in breast:
            row = _row(picture, pathologies)
            _write(folder / f"{row['image_id']}.dcm", picture, row, spacing_mm=spacing_mm)
            rows.append(row | {"prediction_id": f"{row['patient_id']}_{side}"})
    return rows


def _row(picture: ExamplePicture, pathologies: set[str]) -> dict:
    """Site 1 says BI-RADS and density, and implants by patient; site 2 says them by breast."""
    woman, cancer = picture.woman, "malignant" in pathologies
    site = 1 + woman % 2
    recalled = "benign" in pathologies and not cancer
    return {
        "site_id": site,
        "patient_id": _patient(woman),
        "image_id": _image_id(picture),
        "laterality": picture.side,
        "view": picture.view,
        "age": f"{50 + woman % 20}.0",
        "cancer": int(cancer),
        "biopsy": int(bool(pathologies)),
        "invasive": int(cancer and woman % 4 < 2),
        "BIRADS": ("0.0" if pathologies else "1.0") if site == 1 else "",
        "implant": int(woman == 2 and site == 1),
        "density": "ABCD"[woman // 2 % 4] if site == 1 else "",
        "machine_id": MACHINES[site][woman // 2 % 2],
        "difficult_negative_case": recalled,
    }


def _write(path: Path, picture: ExamplePicture, row: dict, *, spacing_mm: float) -> None:
    header = dict.fromkeys(STRIPPED.split()) | {
        "PatientID": str(row["patient_id"]),
        "InstanceNumber": row["image_id"],
        "VOILUTFunction": WINDOWS[picture.woman % 3],
    }
    if row["machine_id"] == "93":
        header["ImagerPixelSpacing"] = None
    write_picture(
        path,
        picture,
        spacing_mm=spacing_mm,
        inverted=row["machine_id"] == "29",
        syntax=SYNTAXES[picture.woman % 2],
        header=header,
    )


def _write_strangers(images: Path, train: list[dict]) -> None:
    """An axillary tail, a file without a row, and a row without a file."""
    first = train[0]
    of_first = images / str(first["patient_id"])
    for number in (1, 2):
        shutil.copyfile(of_first / f"{first['image_id']}.dcm", of_first / f"{number}.dcm")
    train.append(first | {"image_id": 1, "view": "AT"})
    train.append(first | {"image_id": 3, "view": "CC"})


def _patient(woman: int) -> int:
    return FIRST_PATIENT + STEP * woman


def _image_id(picture: ExamplePicture) -> int:
    name = f"{picture.woman} {picture.side} {picture.view}"
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) >> 1


def _write_table(path: Path, columns: str, rows: list[dict]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(
            stream, columns.split(","), extrasaction="ignore", lineterminator="\n"
        )
        table.writeheader()
        table.writerows(rows)


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
