"""A small tree in the form of INbreast, with what makes that set hard to read.

ML for MLO; headers without patient and view; women with two pictures; a view from below; points
for calcifications, misspelt and missing names of regions; a blank ACR padded with blanks; rows of
totals; the pectoral muscle under the same image ids; what macOS leaves behind; and one file of
outlines that is cut off. Every fourth patient has a left breast only.
"""

import plistlib

import numpy as np

from pipeline.ingest.examples.tree import Tree, hex_id, pathologies
from pipeline.ingest.phantom.picture import DrawnLesion, Picture

RELEASE = "INbreast Release 1.0"
COLUMNS = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"
TOTALS = [";;;;;;;", ";;;;;;Total;{}"]
NAMELESS = {"PatientID": "", "ViewPosition": None, "ViewCodeSequence": None}
MALIGNANT, BENIGN, NOTHING = ("4a", "5", "4c", "6", "4b"), ("2", "3"), "1"
FIRST_ID, STEP = 20586908, 26
POINT, CLOSED_POLYGON = 19, 11  # types of regions in OsiriX
APPLE_DOUBLE = b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(4072)

Region = tuple[str, np.ndarray]  # name; (n, 2) row, col in pixels


def build(tree: Tree) -> None:
    """Write the tree."""
    lines, healthy, abnormal = [COLUMNS], 0, 0
    pictures = (p for p in tree.pictures() if p.patient % 4 != 3 or p.side == "L")
    for number, picture in enumerate(pictures):
        image_id = str(FIRST_ID + STEP * number)
        healthy, abnormal = healthy + (not picture.lesions), abnormal + bool(picture.lesions)
        from_below = not picture.lesions and healthy == 1
        view = "FB" if from_below else picture.view
        density = " " * 60 if number == 0 else 1 + picture.patient % 4
        birads = _birads(picture)
        lines.append(f"removed;removed;{picture.side};{view};201001;{image_id};{density};{birads}")
        patient = hex_id("inbreast", picture.patient, digits=16)
        view = "ML" if view == "MLO" else view
        name = f"AllDICOMs/{image_id}_{patient}_MG_{picture.side}_{view}_ANON.dcm"
        tree.write_picture(f"{RELEASE}/{name}", picture, header=NAMELESS)
        if number == 0:
            tree.write(f"{RELEASE}/{name.replace('/', '/._')}", APPLE_DOUBLE)
        if picture.view == "MLO":
            # A triangle in the upper corner at the chest wall.
            wall = 0 if picture.side == "L" else picture.pixels.shape[1] - 1
            corners = np.array([[0.0, wall], [0.0, abs(wall - 50.0)], [80.0, wall]])
            muscle = _export([("Pectoral Muscle", corners)], tree.spacing_mm)
            folder = f"{RELEASE}/PectoralMuscle/Pectoral Muscle XML"
            tree.write(f"{folder}/{image_id}_muscle.xml", muscle)
        if picture.lesions:
            regions = [region for lesion in picture.lesions for region in _regions(lesion)]
            export = _export(regions, tree.spacing_mm)
            torn = abnormal == 2
            tree.write(f"{RELEASE}/AllXML/{image_id}.xml", export[:1000] if torn else export)
            tree.write(f"{RELEASE}/AllROI/{image_id}.roi", b"bplist00")
            tree.write(f"{RELEASE}/MedicalReports/{image_id}.txt", "SYNTHETIC\n")
            tree.write(f"{RELEASE}/AllXML/._{image_id}.xml", APPLE_DOUBLE)
    table = "\n".join([*lines, *TOTALS]).format(len(lines) - 1)
    tree.write(f"{RELEASE}/INbreast.csv", f"{table}\n")
    tree.write(f"{RELEASE}/INbreast.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    tree.write(f"{RELEASE}/README.txt", "SYNTHETIC, in the form of INbreast\n")
    tree.write(f"{RELEASE}/AllDICOMs/.DS_Store", b"\0\0\0\1Bud1")


def _birads(picture: Picture) -> str:
    """Of the breast; both views show the same lesions."""
    found = pathologies([picture])
    words = MALIGNANT if "malignant" in found else BENIGN if found else (NOTHING,)
    return words[picture.patient % len(words)]


def _regions(lesion: DrawnLesion) -> list[Region]:
    if lesion.kind == "mass_smooth":
        return [("Mass", lesion.outline)]
    if lesion.kind == "mass_spiculated":
        return [(("Spiculated Region", "Espiculated Region")[lesion.number % 2], lesion.outline)]
    centre = lesion.outline.mean(axis=0)
    specks = centre + 0.5 * (lesion.outline[:: max(1, len(lesion.outline) // 5)] - centre)
    pair, point = ("Calcifications", specks[:2]), ("Point 1", specks[2:3])
    marks = [("Calcification", speck[None]) for speck in specks[3:]]
    return [("Cluster", lesion.outline), pair, point, *marks]


def _export(regions: list[Region], spacing_mm: float) -> bytes:
    """The property list of an image as OsiriX writes it."""
    rois = []
    for index, (name, points) in enumerate(regions):
        row, col = points.mean(axis=0)
        rois.append(
            {
                **dict.fromkeys(("Area", "Dev", "Max", "Mean", "Min", "Total"), 0.0),
                "Center": f"({col:.6f}, {row:.6f}, 0.000000)",
                "IndexInImage": index,
                "Name": name,
                "NumberOfPoints": len(points),
                "Point_mm": [f"({x:.6f}, {y:.6f}, 0.000000)" for y, x in points * spacing_mm],
                "Point_px": [f"({x:.6f}, {y:.6f})" for y, x in points],
                "Type": POINT if len(points) == 1 else CLOSED_POLYGON,
            }
        )
    image = {"ImageIndex": 0, "NumberOfROIs": len(rois), "ROIs": rois}
    return plistlib.dumps({"Images": [image]})
