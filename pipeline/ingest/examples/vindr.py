"""A small tree in the form of VinDr-Mammo, with what makes that set hard to read.

Lists of categories as Python text; benign masses without a box; a suspicious breast with a view
without a box; a box that leaves the image; an image that the two tables put into different parts;
an image without a row and a row without an image; both polarities.
"""

import csv
import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.ingest.examples.dicom import write_picture
from pipeline.ingest.examples.pictures import ExamplePicture, example_pictures, pathology
from pipeline.ingest.phantom.picture import DrawnLesion

IMAGE = (
    "study_id",
    "series_id",
    "image_id",
    "laterality",
    "view_position",
    "height",
    "width",
    "breast_birads",
    "breast_density",
)
FINDING = ("finding_categories", "finding_birads", "xmin", "ymin", "xmax", "ymax")
METADATA = ("SOP Instance UID", "Manufacturer", "Manufacturer's Model Name")
CATEGORIES = {
    "mass_spiculated": ("['Mass']", "['Nipple Retraction', 'Mass']"),
    "microcalcifications": (
        "['Suspicious Calcification']",
        "['Suspicious Calcification', 'Focal Asymmetry']",
    ),
}
NO_FINDING = {"finding_categories": "['No Finding']"}
NODE_MM, NODE_ROW_MM, NODE_GREY = 4.0, 20.0, 500


def build(root: Path, *, women: int, spacing_mm: float, seed: int) -> None:
    """Write the tree.

    Args:
        root: folder, empty or absent.
        women: number of patients, four pictures each; every fourth is a test patient.
        spacing_mm: pixel spacing of the pictures.
        seed: of the pictures.
    """
    breasts, findings, suspicious = [_absent_row()], [_absent_row() | NO_FINDING], 0
    for number, drawn in enumerate(example_pictures(women, spacing_mm=spacing_mm, seed=seed)):
        picture, row = drawn, _image_row(drawn)
        lesions = [lesion for lesion in picture.lesions if pathology(lesion) == "malignant"]
        rows = [row | _box(lesion, row) for lesion in lesions]
        suspicious += bool(lesions)
        if lesions and suspicious == 1:
            other = "training" if row["split"] == "test" else "test"
            rows = [of_lesion | {"split": other} for of_lesion in rows]
        elif lesions and suspicious == 2:
            picture, node = _with_node(picture, spacing_mm)
            rows.append(row | node)
        elif lesions and suspicious == 3:
            rows = []
        # Machines differ in it; both women of a pair, one of them healthy, have the same.
        inverted = (picture.woman // 2) % 2 == 1
        path = root / "images" / row["study_id"] / f"{row['image_id']}.dicom"
        nameless = {"PatientID": ""}
        write_picture(path, picture, spacing_mm=spacing_mm, inverted=inverted, header=nameless)
        if number < 4 * women - 1:  # the last has no row anywhere
            breasts.append(row)
            findings += rows or [row | NO_FINDING]
    findings.sort(key=lambda row: row["finding_categories"] == NO_FINDING["finding_categories"])
    _write(root / "breast-level_annotations.csv", (*IMAGE, "split"), breasts)
    _write(root / "finding_annotations.csv", (*IMAGE, *FINDING, "split"), findings)
    machine = {"Manufacturer": "SYNTHETIC", "Manufacturer's Model Name": "phantom"}
    _write(
        root / "metadata.csv",
        METADATA,
        [{"SOP Instance UID": row["image_id"]} | machine for row in breasts],
    )
    (root / "images" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (root / "SYNTHETIC.txt").write_text(
        "Synthetic pictures in the form of VinDr-Mammo: nobody was imaged.\n"
    )


def _image_row(picture: ExamplePicture) -> dict:
    found = {pathology(lesion) for lesion in picture.lesions}
    birads = 4 + picture.woman % 2 if "malignant" in found else 2 if found else 1
    height, width = picture.pixels.shape
    return {
        "study_id": _hash("study", picture.woman),
        "series_id": _hash("series", picture.woman),
        "image_id": _hash("image", picture.woman, picture.side, picture.view),
        "laterality": picture.side,
        "view_position": picture.view,
        "height": height,
        "width": width,
        "breast_birads": f"BI-RADS {birads}",
        "breast_density": f"DENSITY {'ABCD'[picture.woman % 4]}",
        "split": "test" if picture.woman % 4 == 3 else "training",
    }


def _absent_row() -> dict:
    """An image that has not been downloaded."""
    names = {name: _hash(name, "absent") for name in ("study_id", "series_id", "image_id")}
    seen = {"laterality": "L", "view_position": "CC", "height": 3518, "width": 2800}
    breast = {"breast_birads": "BI-RADS 1", "breast_density": "DENSITY C"}
    return names | seen | breast | {"split": "training"}


def _box(lesion: DrawnLesion, row: dict) -> dict:
    return {
        "finding_categories": CATEGORIES[lesion.kind][lesion.number % 2],
        "finding_birads": row["breast_birads"],
        **_corners(lesion.outline),
    }


def _with_node(picture: ExamplePicture, spacing_mm: float) -> tuple[ExamplePicture, dict]:
    """A lymph node at the chest wall, half outside the image, and what a row says about it."""
    centre = np.array([NODE_ROW_MM / spacing_mm, 0.0])
    if picture.side == "R":
        centre[1] = picture.pixels.shape[1] - 1
    radius = NODE_MM / spacing_mm
    rows, cols = np.indices(picture.pixels.shape)
    inside = np.hypot(rows - centre[0], cols - centre[1]) < radius
    pixels = np.where(inside, np.minimum(picture.pixels + NODE_GREY, 4095), picture.pixels)
    corners = _corners(np.array([centre - radius, centre + radius]))
    node = {"finding_categories": "['Suspicious Lymph Node']", "finding_birads": "", **corners}
    return replace(picture, pixels=pixels.astype(np.uint16)), node


def _corners(points: np.ndarray) -> dict[str, float]:
    (ymin, xmin), (ymax, xmax) = points.min(axis=0).round(6), points.max(axis=0).round(6)
    return {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}


def _write(path: Path, columns: tuple[str, ...], rows: list[dict]) -> None:
    stream = io.StringIO()
    table = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    path.write_text(stream.getvalue(), encoding="utf-8")


def _hash(*words: object) -> str:
    """The set names everything by 32 hexadecimal digits."""
    text = " ".join(map(str, ("vindr", *words)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
