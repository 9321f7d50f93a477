"""A small tree in the form of VinDr-Mammo, with what makes that set hard to read.

Lists of categories as Python text; benign masses without a box; a suspicious breast with a view
without a box; a box that leaves the image; an image that the two tables put into different parts;
an image without a row and a row without an image; both polarities. Every fourth patient is a test
patient.
"""

from dataclasses import replace

import numpy as np

from pipeline.ingest.examples.tree import Tree, hex_id, pathologies
from pipeline.ingest.phantom.picture import Picture

IMAGE = (
    *("study_id", "series_id", "image_id", "laterality", "view_position", "height", "width"),
    *("breast_birads", "breast_density"),
)
FINDING = ("finding_categories", "finding_birads", "xmin", "ymin", "xmax", "ymax")
MACHINE = {"Manufacturer": "SYNTHETIC", "Manufacturer's Model Name": "phantom"}
CATEGORIES = {
    "mass_spiculated": ("['Mass']", "['Nipple Retraction', 'Mass']"),
    "microcalcifications": (
        "['Suspicious Calcification']",
        "['Suspicious Calcification', 'Focal Asymmetry']",
    ),
}
NO_FINDING = {"finding_categories": "['No Finding']"}
# An image that has not been downloaded.
ABSENT = {
    **{name: hex_id("vindr", name, "absent", digits=32) for name in IMAGE[:3]},
    "laterality": "L",
    "view_position": "CC",
    "height": 3518,
    "width": 2800,
    "breast_birads": "BI-RADS 1",
    "breast_density": "DENSITY C",
    "split": "training",
}
NODE_MM, NODE_ROW_MM, NODE_GREY = 4.0, 20.0, 500


def build(tree: Tree) -> None:
    """Write the tree."""
    breasts, findings, suspicious = [ABSENT], [ABSENT | NO_FINDING], 0
    for number, drawn in enumerate(tree.pictures()):
        picture, row = drawn, _image_row(drawn)
        lesions = [lesion for lesion in picture.lesions if lesion.pathology == "malignant"]
        rows = [
            row
            | {"finding_categories": CATEGORIES[lesion.kind][lesion.number % 2]}
            | {"finding_birads": row["breast_birads"], **_corners(lesion.outline)}
            for lesion in lesions
        ]
        suspicious += bool(lesions)
        if lesions and suspicious == 1:
            other = "training" if row["split"] == "test" else "test"
            rows = [of_lesion | {"split": other} for of_lesion in rows]
        elif lesions and suspicious == 2:
            picture, node = _with_node(picture, tree.spacing_mm)
            rows.append(row | node)
        elif lesions and suspicious == 3:
            rows = []
        tree.write_picture(
            f"images/{row['study_id']}/{row['image_id']}.dicom",
            picture,
            # Machines differ in it; both patients of a pair, one of them healthy, have the same.
            inverted=(picture.patient // 2) % 2 == 1,
            header={"PatientID": ""},
        )
        if number < 4 * tree.patients - 1:  # the last has no row anywhere
            breasts.append(row)
            findings += rows or [row | NO_FINDING]
    findings.sort(key=lambda row: row["finding_categories"] == NO_FINDING["finding_categories"])
    tree.write_table("breast-level_annotations.csv", (*IMAGE, "split"), breasts)
    tree.write_table("finding_annotations.csv", (*IMAGE, *FINDING, "split"), findings)
    machines = [{"SOP Instance UID": row["image_id"], **MACHINE} for row in breasts]
    tree.write_table("metadata.csv", list(machines[0]), machines)
    tree.write("images/.DS_Store", b"\0\0\0\1Bud1")


def _image_row(picture: Picture) -> dict:
    found = pathologies([picture])
    birads = 4 + picture.patient % 2 if "malignant" in found else 2 if found else 1
    height, width = picture.pixels.shape
    return {
        "study_id": hex_id("vindr study", picture.patient, digits=32),
        "series_id": hex_id("vindr series", picture.patient, digits=32),
        "image_id": hex_id("vindr image", picture.patient, picture.side, picture.view, digits=32),
        "laterality": picture.side,
        "view_position": picture.view,
        "height": height,
        "width": width,
        "breast_birads": f"BI-RADS {birads}",
        "breast_density": f"DENSITY {'ABCD'[picture.patient % 4]}",
        "split": "test" if picture.patient % 4 == 3 else "training",
    }


def _with_node(picture: Picture, spacing_mm: float) -> tuple[Picture, dict]:
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
