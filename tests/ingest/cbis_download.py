"""Small downloads of CBIS-DDSM, file by file."""

import csv
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.ingest.cbis_ddsm import read
from pipeline.ingest.cbis_ddsm.names import parse_name
from pipeline.ingest.cbis_ddsm.tables import TABLES
from tests.dicom_samples import write_mammogram
from tests.ingest import catalogs

COLUMNS = (
    "patient_id,{density},left or right breast,image view,abnormality id,abnormality type,"
    "assessment,pathology,image file path,cropped image file path,ROI mask file path"
)
FILM = np.arange(96, dtype=np.uint16).reshape(12, 8)
CROPPED = FILM[2:6, 2:5]


def mask(rows: int = 12, columns: int = 8) -> np.ndarray:
    """A mask whose upper left quarter is inside, uint8."""
    inside = np.zeros((rows, columns), np.uint8)
    inside[: rows // 2, : columns // 2] = 255
    return inside


def table_row(name: str, **values) -> list[str]:
    """A row of the tables for an abnormality such as Calc-Test_P_00038_LEFT_CC_1."""
    lesion = parse_name(name)
    row = {
        "patient": lesion.patient_id,
        "density": "2",
        "side": lesion.side,
        "view": lesion.view,
        "number": str(lesion.abnormality),
        "type": "calcification" if name.startswith("Calc") else "mass",
        "assessment": "4",
        "pathology": "MALIGNANT",
        "image": f"{lesion.mammogram}/1.1/1.2.{lesion.mammogram}/000000.dcm",
        "cropped": f"{name}/1.3/1.4.{name}/000001.dcm\n",
        "mask": f"{name}/1.3/1.4.{name}/000000.dcm",
    }
    return list((row | values).values())


def write_tables(folder: Path, *rows: list[str], lists: tuple[str, ...] = tuple(TABLES)) -> None:
    """Write the tables of `lists`; each row goes to the list that its image path names."""
    folder.mkdir(parents=True, exist_ok=True)
    for list_name in lists:
        density = "breast density" if list_name.startswith("Calc") else "breast_density"
        with (folder / TABLES[list_name]).open("w", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(COLUMNS.format(density=density).split(","))
            table.writerows(row for row in rows if f"{list_name}_" in row[8])


def write_file(root: Path, name: str, pixels: np.ndarray, *, path: str = "", **values) -> str:
    """Write a file as the real ones; return its name below the root."""
    path = path or f"CBIS-DDSM/{name}/08-29-2017-DDSM-NA-1/1.000000-pictures-2/1-1.dcm"
    found = parse_name(name)
    like_the_real_ones = {
        "PatientID": name,
        "ImageLaterality": None,
        "Laterality": found.side[0],
        "ViewPosition": None,
        "PatientOrientation": found.view,
        "ImagerPixelSpacing": None,
        "SeriesInstanceUID": "2.25.9",
    }
    if pixels.nbytes % 2:
        values["PixelData"] = pixels.tobytes() + b"\0"
    write_mammogram(root / path, pixels, **(like_the_real_ones | values))
    return path


catalog_of = partial(catalogs.catalog_of, read)
