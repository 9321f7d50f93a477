"""A small tree in the form of the original DDSM, with what makes that set hard to read.

Films as LJPEG, some of them converted to PNG or TIFF; one LJPEG file whose header names width and
height the wrong way round; three digitisers with 12 and 16 bit; outlines as chain codes, with
cores and two lesion types; marks in one view only; marks that the .ics announces and that are
not there; overviews, a JPEG for viewing and grey values without a header beside the films.
"""

from collections.abc import Iterator, Sequence

import cv2
import imagecodecs
import numpy as np

from pipeline.ingest.examples.tree import Tree, pathologies
from pipeline.ingest.phantom.picture import Picture

SIDES = {"L": "LEFT", "R": "RIGHT"}
HOSPITALS = "ABDC"
DIGITISERS = {"A": ("DBA", 16), "B": ("LUMISYS", 12), "C": ("LUMISYS", 12), "D": ("HOWTEK", 12)}
TYPES = {
    "mass_smooth": "MASS SHAPE OVAL MARGINS CIRCUMSCRIBED",
    "mass_spiculated": "MASS SHAPE IRREGULAR MARGINS SPICULATED",
    "microcalcifications": "CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED",
}
ICS = """ics_version 1.0
filename {name}
DATE_OF_STUDY 1 1 1997
PATIENT_AGE 50
FILM
FILM_TYPE REGULAR
DENSITY {density}
DATE_DIGITIZED 1 1 1998
DIGITIZER {digitiser}
SELECTED
"""
# Steps of (row, col), in the order of their codes.
STEPS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def build(tree: Tree) -> None:
    """Write the tree."""
    for patient, pictures in tree.of_each_patient():
        _write_case(tree, patient, pictures)


def _write_case(tree: Tree, patient: int, pictures: Sequence[Picture]) -> None:
    benign = "benign" if patient % 4 < 2 else "benign_without_callback"
    found = pathologies(pictures)
    volume = "cancer" if "malignant" in found else benign if found else "normal"
    letter = HOSPITALS[patient % len(HOSPITALS)]
    name = f"{letter}_{patient + 1:04d}_1"
    folder = f"cases/{volume}s/{volume}_01/case{patient + 1:04d}"
    digitiser, bits = DIGITISERS[letter]
    ics = ICS.format(name=name.replace("_", "-"), density=patient % 5, digitiser=digitiser)
    announced, there = _marked(patient, pictures)
    for number, picture in enumerate(pictures):
        view = f"{SIDES[picture.side]}_{picture.view}"
        height, width = picture.pixels.shape
        ics += (
            f"{view} LINES {height} PIXELS_PER_LINE {width} BITS_PER_PIXEL {bits} "
            f"RESOLUTION {tree.spacing_mm * 1000:g} "
            f"{'' if number in announced else 'NON_'}OVERLAY\n"
        )
        for suffix, content in _film(picture.pixels, form=(patient + number) % 4, bits=bits):
            tree.write(f"{folder}/{name}.{view}.{suffix}", content)
        if number in there:
            tree.write(f"{folder}/{name}.{view}.OVERLAY", _overlay(benign, picture))
    tree.write(f"{folder}/{name.replace('_', '-')}.ics", ics)
    overview = np.hstack([picture.pixels[::8, ::8] for picture in pictures])
    tree.write(f"{folder}/TAPE_{name}.COMB.16_PGM", _encoded(overview, ".pgm"))


def _film(pixels: np.ndarray, *, form: int, bits: int) -> Iterator[tuple[str, bytes]]:
    """Suffix and content of the files of one film, in one of four forms."""
    grey = (pixels << (bits - 12)).astype(np.uint16)
    if form == 2:
        yield "tif", _encoded(grey, ".tif")
        return
    swapped = grey.reshape(grey.shape[::-1]) if form == 3 else grey
    yield "LJPEG", bytes(imagecodecs.ljpeg_encode(swapped, bitspersample=bits))
    if form == 1:
        yield "png", _encoded(grey, ".png")
        yield "jpg", _encoded((pixels >> 4).astype(np.uint8), ".jpg")
        yield "LJPEG.1", grey.astype(">u2").tobytes()


def _marked(patient: int, pictures: Sequence[Picture]) -> tuple[list[int], list[int]]:
    """The films whose marks the .ics announces, and those whose marks are there.

    Of every third patient the last OVERLAY file is lost, of every third her last film is unmarked.
    """
    marked = [number for number, picture in enumerate(pictures) if picture.lesions]
    if patient % 3 == 0 or len(marked) < 2:
        return marked, marked
    return (marked, marked[:-1]) if patient % 3 == 1 else (marked[:-1], marked[:-1])


def _overlay(benign: str, picture: Picture) -> str:
    lines = [f"TOTAL_ABNORMALITIES {len(picture.lesions)} "]
    for number, lesion in enumerate(picture.lesions, start=1):
        pathology = "malignant" if lesion.pathology == "malignant" else benign
        outline = lesion.mask(picture.pixels.shape)
        core = cv2.erode(outline, np.ones((5, 5), np.uint8))
        lines += [f"ABNORMALITY {number} ", f"LESION_TYPE {TYPES[lesion.kind]}"]
        if lesion.kind == "mass_spiculated":
            lines.append(f"LESION_TYPE {TYPES['microcalcifications']}")
        lines += [
            "ASSESSMENT 4 ",
            "SUBTLETY 3 ",
            f"PATHOLOGY {pathology.upper()} ",
            f"TOTAL_OUTLINES {2 if core.any() else 1} ",
            "BOUNDARY ",
            chain_code(outline),
        ]
        lines += ["\tCORE", chain_code(core)] if core.any() else []
    return "\n".join(lines) + "\n"


def chain_code(mask: np.ndarray) -> str:
    """The border of the largest part of a mask: its first column and row, its steps, #.

    Args:
        mask: (H, W) uint8, not 0 inside.
    """
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    border = max(found, key=len)[:, 0, ::-1]
    steps = np.diff(np.vstack([border, border[:1]]), axis=0)
    codes = [str(STEPS.index(tuple(step))) for step in steps.tolist() if any(step)]
    row, col = border[0]
    return " ".join([str(col), str(row), *codes, "#"])


def _encoded(pixels: np.ndarray, suffix: str) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()
