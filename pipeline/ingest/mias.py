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

import json
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.dicom.wrap import wrap_as_dicom
from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.importers import Request
from pipeline.ingest.listing import ListedFile
from pipeline.run.errors import UserError

SIDE_PX = 1024
SPACING_MM = 0.2
PATHOLOGIES = {"B": "benign", "M": "malignant"}
CLASSES = ("CALC", "CIRC", "SPIC", "MISC", "ARCH", "ASYM", "NORM")


@dataclass(frozen=True)
class InfoRow:
    """One line of Info.txt; `circle` is (row, col, radius) in pixels, row from the top."""

    image_id: str
    tissue: str
    kind: str
    pathology: str
    circle: tuple[int, int, int] | None


def read(request: Request) -> Catalog:
    """Catalog of mini-MIAS.

    Raises:
        UserError: Info.txt is missing or has a line that cannot be understood.
    """
    rows: dict[str, list[InfoRow]] = {}
    for row in read_info(_info_file(request)):
        rows.setdefault(row.image_id, []).append(row)
    images, findings, files = [], [], []
    taken: dict[str, str] = {}
    for file in sorted(request.files, key=lambda f: (f.path.suffix.lower(), f.name)):
        image_id = _image_id(file)
        status, reason = "candidate", _reason_to_skip(image_id, rows, taken)
        if reason:
            status = "skipped"
        else:
            try:
                pixels = read_pixels(file.path)
            except ValueError as error:
                status, reason = "failed", str(error)
        files.append({"file": file.name, "status": status, "reason": reason, "bytes": file.size})
        if status == "candidate":
            taken[image_id] = file.name
            path = request.wrapped / f"{image_id}.dcm"
            images.append(_wrap(pixels, path, rows[image_id]) | {"source": file.name})
            findings += _findings(rows[image_id])
    return make_catalog(images, findings, files)


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
        raise UserError(f"{path} has no line that begins with mdb001 or the like.")
    return rows


def read_pixels(path: Path) -> np.ndarray:
    """Pixels of a PGM or PNG file, (1024, 1024) uint8.

    Raises:
        ValueError: not an image, or not one of mini-MIAS' size and depth.
    """
    encoded = np.fromfile(path, np.uint8)
    pixels = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    if pixels is None:
        raise ValueError("cannot be decoded as PGM or PNG")
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]  # grey stored as colour
    if pixels.shape != (SIDE_PX, SIDE_PX) or pixels.dtype != np.uint8:
        raise ValueError(
            f"must be {SIDE_PX} x {SIDE_PX} pixels of 8 bit, not {pixels.shape} {pixels.dtype}"
        )
    return pixels


def _parse(words: list[str]) -> InfoRow:
    image_id, tissue, kind = words[0].lower(), words[1].upper(), words[2].upper()
    if tissue not in ("F", "G", "D") or kind not in CLASSES:
        raise ValueError("tissue is F, G or D, class one of " + ", ".join(CLASSES))
    if kind == "NORM":
        return InfoRow(image_id, tissue, "", "", None)
    pathology = PATHOLOGIES[words[3].upper()]
    rest = words[4:]
    # "*NOTE 3*": calcifications spread so widely that a circle would mean nothing.
    if not rest or rest[0].startswith("*"):
        return InfoRow(image_id, tissue, kind.lower(), pathology, None)
    x, y, radius = (int(word) for word in rest)
    circle = (SIDE_PX - 1 - y, x, radius)
    return InfoRow(image_id, tissue, kind.lower(), pathology, circle)


def _info_file(request: Request) -> Path:
    found = [f for f in request.files if f.path.name.lower() == "info.txt"]
    if not found:
        raise UserError(
            f"data.root={request.data.root} has no Info.txt, the table of mini-MIAS. "
            "Put it beside the images, or set data.importer."
        )
    return min(found, key=lambda f: (f.name.count("/"), f.name)).path


def _image_id(file: ListedFile) -> str:
    match = re.fullmatch(r"(mdb\d{3})\.(pgm|png)", file.path.name.lower())
    return match[1] if match else ""


def _reason_to_skip(image_id: str, rows: dict, taken: dict[str, str]) -> str:
    if not image_id:
        return "not an image of mini-MIAS"
    if image_id not in rows:
        return "Info.txt has no row for it"
    if image_id in taken:
        return f"the same image as {taken[image_id]}"
    return ""


def _wrap(pixels: np.ndarray, path: Path, rows: list[InfoRow]) -> dict:
    """Write the DICOM file of an image; return its row of the catalog."""
    image_id = rows[0].image_id
    number = int(image_id.removeprefix("mdb"))
    row = {
        "image_id": image_id,
        "patient_id": f"mias{(number + 1) // 2:03d}",  # films come in pairs
        "laterality": "L" if number % 2 else "R",
        "view": "MLO",
        "spacing_mm": SPACING_MM,
    }
    wrap_as_dicom(pixels, path, **row)
    return row | {
        "file": path.as_posix(),
        "dataset": "mias",
        "outcome": "abnormal" if any(r.kind for r in rows) else "normal",
        "density": rows[0].tissue,
    }


def _findings(rows: list[InfoRow]) -> list[dict]:
    findings = []
    for number, row in enumerate((r for r in rows if r.kind), start=1):
        coordinates = {}
        if row.circle:
            coordinates = dict(zip(("row", "col", "radius"), row.circle, strict=True))
        findings.append(
            {
                "finding_id": f"{row.image_id}-{number}",
                "image_id": row.image_id,
                "kind": row.kind,
                "pathology": row.pathology,
                "geometry": "circle" if row.circle else "none",
                "coordinates": json.dumps(coordinates),
            }
        )
    return findings
