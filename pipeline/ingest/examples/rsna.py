"""A small tree in the form of RSNA 2022, with what makes that set hard to read.

Stripped headers without side, view and modality, some of them without pixel spacing; JPEG 2000
and JPEG Lossless; LINEAR, SIGMOID and LINEAR_EXACT windows; both polarities; two sites that fill
in different columns; an axillary tail; an implant; recalls without cancer; a row without a file
and a file without a row; test images without labels. How far the real headers are stripped is
not known for every element; the importer needs none of them.

From four patients on the last one is a test patient; the files of machine 93 state no spacing.
"""

import shutil

from pipeline.ingest.examples.tree import Tree, hex_id, pathologies
from pipeline.ingest.phantom.picture import Picture

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


def build(tree: Tree) -> None:
    """Write the tree."""
    train: list[dict] = []
    test: list[dict] = []
    for patient, pictures in tree.of_each_patient():
        is_test = tree.patients >= 4 and patient == tree.patients - 1
        for picture in pictures:
            # The labels are those of the breast.
            row = _row(picture, pathologies(p for p in pictures if p.side == picture.side))
            _write(tree, "test_images" if is_test else "train_images", picture, row)
            (test if is_test else train).append(row)
    # An axillary tail, a file without a row, and a row without a file.
    first = train[0]
    folder = tree.root / "train_images" / str(first["patient_id"])
    for number in (1, 2):
        shutil.copyfile(folder / f"{first['image_id']}.dcm", folder / f"{number}.dcm")
    train += [first | {"image_id": 1, "view": "AT"}, first | {"image_id": 3, "view": "CC"}]
    tree.write_table("train.csv", TRAIN_COLUMNS.split(","), train)
    tree.write_table("test.csv", TEST_COLUMNS.split(","), test)
    tree.write("sample_submission.csv", "prediction_id,cancer\n10116_L,0.0205\n")


def _row(picture: Picture, found: set[str]) -> dict:
    """Site 1 says BI-RADS and density, and implants by patient; site 2 says them by breast."""
    patient, cancer = picture.patient, "malignant" in found
    site = 1 + patient % 2
    patient_id = FIRST_PATIENT + STEP * patient
    return {
        "site_id": site,
        "patient_id": patient_id,
        "image_id": int(hex_id(patient, picture.side, picture.view, digits=8), 16) >> 1,
        "laterality": picture.side,
        "view": picture.view,
        "age": f"{50 + patient % 20}.0",
        "cancer": int(cancer),
        "biopsy": int(bool(found)),
        "invasive": int(cancer and patient % 4 < 2),
        "BIRADS": ("0.0" if found else "1.0") if site == 1 else "",
        "implant": int(patient == 2 and site == 1),
        "density": "ABCD"[patient // 2 % 4] if site == 1 else "",
        "machine_id": MACHINES[site][patient // 2 % 2],
        "difficult_negative_case": "benign" in found and not cancer,
        "prediction_id": f"{patient_id}_{picture.side}",
    }


def _write(tree: Tree, folder: str, picture: Picture, row: dict) -> None:
    header = dict.fromkeys(STRIPPED.split()) | {
        "PatientID": str(row["patient_id"]),
        "InstanceNumber": row["image_id"],
        "VOILUTFunction": WINDOWS[picture.patient % 3],
    }
    if row["machine_id"] == "93":
        header["ImagerPixelSpacing"] = None
    tree.write_picture(
        f"{folder}/{row['patient_id']}/{row['image_id']}.dcm",
        picture,
        inverted=row["machine_id"] == "29",
        syntax=SYNTAXES[picture.patient % 2],
        header=header,
    )
