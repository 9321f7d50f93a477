"""mini-MIAS in its own layout: mdb001.pgm ... mdb322.pgm (or .png) and Info.txt.

Digitised films, all MLO, 1024 x 1024 pixels of 0.2 mm, 8 bit. Each image becomes a DICOM file
below store.root.

Odd numbers are left breasts and even numbers right ones. The data base's own text says the
reverse, but the lead markers on the films (seen on mdb135, 201, 237, 277, 307 and mdb014, 058,
104, 172, 194, 202, 304) say so without exception. They are mirror writing: the films were
scanned from the back, so a left breast has its chest wall at the right edge.

Source: Suckling J et al. (1994), The Mammographic Image Analysis Society digital mammogram
data base. Research use only: the images are read where they lie and never shipped.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.importers import Request
from pipeline.ingest.picture_files import Picture, add_picture, read_picture, wrap_pictures
from pipeline.ingest.source_files import SourceFile
from pipeline.run.errors import UserError

SIDE_PX = 1024
SPACING_MM = 0.2
PATHOLOGIES = {"B": "benign", "M": "malignant"}
CLASSES = ("CALC", "CIRC", "SPIC", "MISC", "ARCH", "ASYM", "NORM")
_FILE = re.compile(r"(mdb\d{3})\.(pgm|png)")


@dataclass(frozen=True)
class InfoRow:
    """One line of Info.txt."""

    image_id: str
    tissue: str  # F, G or D
    finding: dict | None  # its columns of the catalog; None where the image is normal


def read(request: Request) -> Catalog:
    """Catalog of mini-MIAS.

    Raises:
        UserError: Info.txt is missing or has a line that cannot be understood.
    """
    info = request.table("Info.txt", "Put the table of mini-MIAS beside the images")
    rows: dict[str, list[InfoRow]] = defaultdict(list)
    for row in read_info(info.path):
        rows[row.image_id].append(row)
    builder = CatalogBuilder(request.files, dataset="mias")
    copies: dict[str, list[SourceFile]] = defaultdict(list)
    for file in sorted(request.files, key=lambda f: (f.suffix, f.name)):
        match = _FILE.fullmatch(file.path.name.lower())
        if not match:
            builder.skip(file, "not an image of mini-MIAS")
        elif match[1] not in rows:
            builder.skip(file, "Info.txt has no row for it")
        else:
            copies[match[1]].append(file)
    while copies:  # the first that can be read of each image
        firsts = {image_id: files.pop(0) for image_id, files in copies.items()}
        pictures = [_picture(file, rows[image_id]) for image_id, file in firsts.items()]
        for picture, end in zip(pictures, wrap_pictures(pictures, request), strict=True):
            if add_picture(builder, picture, end):
                for other in copies.pop(picture.image["image_id"]):
                    builder.skip(other, f"the same image as {picture.file.name}")
        copies = {image_id: files for image_id, files in copies.items() if files}
    return builder.catalog()


def _picture(file: SourceFile, rows: list[InfoRow]) -> Picture:
    image, findings = _columns(rows)
    return Picture(file, partial(_read_pixels, file.path), image, findings)


def read_info(path: Path) -> list[InfoRow]:
    """The rows of Info.txt. Text around the table is passed over.

    In the file, y counts from the bottom row of the image; here rows count from the top.

    Raises:
        UserError: a line begins with an image's name but does not go on as it should.
    """
    rows = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or not re.fullmatch(r"mdb\d{3}", words[0].lower()):
            continue
        try:
            rows.append(_parse(words))
        except (ValueError, LookupError) as error:
            raise UserError(
                f"{path}, line {number}: expected 'mdb001 G CIRC B 535 425 197' or "
                f"'mdb003 D NORM', not {line.strip()!r} ({error})."
            ) from error
    if not rows:
        raise UserError(
            f"{path} has no line that begins with mdb001 or the like. "
            "Give the Info.txt of mini-MIAS."
        )
    return rows


def _parse(words: list[str]) -> InfoRow:
    image_id, tissue, kind = words[0].lower(), words[1].upper(), words[2].upper()
    if tissue not in ("F", "G", "D") or kind not in CLASSES:
        raise ValueError("tissue is F, G or D, class one of " + ", ".join(CLASSES))
    if kind == "NORM":
        return InfoRow(image_id, tissue, None)
    finding: dict = {"kind": kind.lower(), "pathology": PATHOLOGIES[words[3].upper()]}
    rest = words[4:]
    # "*NOTE 3*": calcifications spread so widely that a circle would mean nothing.
    if rest and not rest[0].startswith("*"):
        x, y, radius = (int(word) for word in rest)
        circle = {"row": SIDE_PX - 1 - y, "col": x, "radius": radius}
        finding |= {"geometry": "circle", "coordinates": circle}
    return InfoRow(image_id, tissue, finding)


def _read_pixels(path: Path) -> np.ndarray:
    """Grey values of a film, (1024, 1024) uint8."""
    pixels = read_picture(path)
    if pixels.shape != (SIDE_PX, SIDE_PX) or pixels.dtype != np.uint8:
        raise ValueError(
            f"must be {SIDE_PX} x {SIDE_PX} pixels of 8 bit, not {pixels.shape} {pixels.dtype}"
        )
    return pixels


def _columns(rows: list[InfoRow]) -> tuple[dict, list[dict]]:
    """The columns of an image and those of its findings."""
    number = int(rows[0].image_id.removeprefix("mdb"))
    findings = [row.finding for row in rows if row.finding]
    image = {
        "image_id": rows[0].image_id,
        "patient_id": f"mias{(number + 1) // 2:03d}",  # films come in pairs
        "laterality": "L" if number % 2 else "R",
        "view": "MLO",
        "spacing_mm": SPACING_MM,
        "outcome": "abnormal" if findings else "normal",
        "density": rows[0].tissue,
    }
    return image, findings
