"""A small tree in the form of the original DDSM, with what makes that set hard to read.

Films as LJPEG, some of them converted to PNG or TIFF; one LJPEG file whose header names width and
height the wrong way round; three digitisers with 12 and 16 bit; outlines as chain codes, with
cores and two lesion types; marks in one view only; marks that the .ics announces and that are
not there; overviews, a JPEG for viewing and grey values without a header beside the films.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import imagecodecs
import numpy as np

from pipeline.ingest.examples.pictures import ExamplePicture, example_pictures, pathology
from pipeline.ingest.phantom.picture import DrawnLesion

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
CODES = {
    (-1, 0): 0,
    (-1, 1): 1,
    (0, 1): 2,
    (1, 1): 3,
    (1, 0): 4,
    (1, -1): 5,
    (0, -1): 6,
    (-1, -1): 7,
}


def build(root: Path, *, women: int, spacing_mm: float, seed: int) -> None:
    """Write the tree.

    Args:
        root: folder, empty or absent.
        women: number of cases.
        spacing_mm: scanning resolution of the films.
        seed: of the pictures.
    """
    pictures = example_pictures(women, spacing_mm=spacing_mm, seed=seed)
    for woman, of_woman in itertools.groupby(pictures, key=lambda picture: picture.woman):
        _write_case(root / "cases", woman, list(of_woman), spacing_mm=spacing_mm)
    (root / "SYNTHETIC.txt").write_text("Synthetic pictures: no person was imaged.\n")


def _write_case(
    cases: Path, woman: int, pictures: Sequence[ExamplePicture], *, spacing_mm: float
) -> None:
    letter = HOSPITALS[woman % len(HOSPITALS)]
    name = f"{letter}_{woman + 1:04d}_1"
    volume = _volume(woman, pictures)
    folder = cases / f"{volume}s" / f"{volume}_01" / f"case{woman + 1:04d}"
    folder.mkdir(parents=True)
    digitiser, bits = DIGITISERS[letter]
    ics = ICS.format(name=name.replace("_", "-"), density=woman % 5, digitiser=digitiser)
    announced, there = _marked(woman, pictures)
    for number, picture in enumerate(pictures):
        view = f"{SIDES[picture.side]}_{picture.view}"
        height, width = picture.pixels.shape
        ics += (
            f"{view} LINES {height} PIXELS_PER_LINE {width} BITS_PER_PIXEL {bits} "
            f"RESOLUTION {spacing_mm * 1000:g} {'' if number in announced else 'NON_'}OVERLAY\n"
        )
        _write_film(folder / f"{name}.{view}", picture.pixels, woman + number, bits)
        if number in there:
            (folder / f"{name}.{view}.OVERLAY").write_text(_overlay(woman, picture))
    (folder / f"{name.replace('_', '-')}.ics").write_text(ics)
    overview = np.hstack([picture.pixels[::8, ::8] for picture in pictures])
    _encode(folder / f"TAPE_{name}.COMB.16_PGM", overview, ".pgm")


def _write_film(stem: Path, pixels: np.ndarray, number: int, bits: int) -> None:
    """One film in one of four forms, by its number."""
    grey = (pixels << (bits - 12)).astype(np.uint16)
    form = number % 4
    if form == 2:
        return _encode(stem.with_name(f"{stem.name}.tif"), grey, ".tif")
    swapped = grey.reshape(grey.shape[::-1]) if form == 3 else grey
    stem.with_name(f"{stem.name}.LJPEG").write_bytes(
        imagecodecs.ljpeg_encode(swapped, bitspersample=bits)
    )
    if form == 1:
        _encode(stem.with_name(f"{stem.name}.png"), grey, ".png")
        _encode(stem.with_name(f"{stem.name}.jpg"), (pixels >> 4).astype(np.uint8), ".jpg")
        stem.with_name(f"{stem.name}.LJPEG.1").write_bytes(grey.astype(">u2").tobytes())
    return None


def _volume(woman: int, pictures: Sequence[ExamplePicture]) -> str:
    pathologies = {pathology(lesion) for picture in pictures for lesion in picture.lesions}
    if "malignant" in pathologies:
        return "cancer"
    if not pathologies:
        return "normal"
    return "benign" if woman % 4 < 2 else "benign_without_callback"


def _marked(woman: int, pictures: Sequence[ExamplePicture]) -> tuple[list[int], list[int]]:
    """The films whose marks the .ics announces, and those whose marks are there.

    Of every third woman the last OVERLAY file is lost, of every third her last film is unmarked.
    """
    marked = [number for number, picture in enumerate(pictures) if picture.lesions]
    if woman % 3 == 0 or len(marked) < 2:
        return marked, marked
    return (marked, marked[:-1]) if woman % 3 == 1 else (marked[:-1], marked[:-1])


def _overlay(woman: int, picture: ExamplePicture) -> str:
    lines = [f"TOTAL_ABNORMALITIES {len(picture.lesions)} "]
    for number, lesion in enumerate(picture.lesions, start=1):
        benign = "BENIGN" if woman % 4 < 2 else "BENIGN_WITHOUT_CALLBACK"
        outline = _filled(lesion, picture.pixels.shape)
        core = cv2.erode(outline, np.ones((5, 5), np.uint8))
        lines += [f"ABNORMALITY {number} ", f"LESION_TYPE {TYPES[lesion.kind]}"]
        if lesion.kind == "mass_spiculated":
            lines.append(f"LESION_TYPE {TYPES['microcalcifications']}")
        lines += [
            "ASSESSMENT 4 ",
            "SUBTLETY 3 ",
            f"PATHOLOGY {'MALIGNANT' if pathology(lesion) == 'malignant' else benign} ",
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
    codes = [str(CODES[tuple(step)]) for step in steps.tolist() if any(step)]
    row, col = border[0]
    return " ".join([str(col), str(row), *codes, "#"])


def _filled(lesion: DrawnLesion, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(lesion.outline[:, ::-1]).astype(np.int32)], 1)
    return mask


def _encode(path: Path, pixels: np.ndarray, suffix: str) -> None:
    path.write_bytes(cv2.imencode(suffix, pixels)[1].tobytes())
