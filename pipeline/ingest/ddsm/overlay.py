"""What is marked on a DDSM film: the OVERLAY file with its chain codes.

    TOTAL_ABNORMALITIES 1
    ABNORMALITY 1
    LESION_TYPE MASS SHAPE IRREGULAR MARGINS SPICULATED
    ASSESSMENT 5
    SUBTLETY 4
    PATHOLOGY MALIGNANT
    TOTAL_OUTLINES 2
    BOUNDARY
    1204 833 2 2 2 3 ... #
        CORE
    1210 840 2 3 ... #

The boundary is the outline; cores, its inner parts, are not used. A chain starts at a column and
a row; each code is a step to one of the eight neighbours, 0 up and then clockwise.
"""

import re
from pathlib import Path

import numpy as np

from pipeline.ingest.cells import as_word

# Code to (row, col).
_STEPS = np.array([(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)])
_ABNORMALITY = re.compile(r"^\s*ABNORMALITY\b.*$", re.MULTILINE)
_TOTAL = re.compile(r"TOTAL_ABNORMALITIES\s+(\d+)")
_LESION_TYPE = re.compile(r"^\s*LESION_TYPE\s+(\S.*?)\s*$", re.MULTILINE)
_NO_LETTERS = "_-0123456789"
_BOUNDARY = re.compile(r"^\s*BOUNDARY\s+(\d[\d\s]*)#", re.MULTILINE)


def read_overlay(path: Path) -> list[dict]:
    """The columns of the findings in an OVERLAY file.

    The kind is the first lesion type, such as mass; the note has all of them in the words of the
    file. Without a usable boundary there is no outline.

    Raises:
        ValueError: it does not hold as many abnormalities as it says.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    blocks = _ABNORMALITY.split(text)[1:]
    total = _TOTAL.search(text)
    if not total or int(total[1]) != len(blocks):
        raise ValueError(f"says {total[1] if total else 'no'} abnormalities and has {len(blocks)}")
    return [_finding(block) for block in blocks]


def chain_outline(col: int, row: int, codes: np.ndarray) -> list[list[int]]:
    """The corners of a chain.

    Args:
        codes: (n,) int, 0 to 7.

    Returns:
        [row, col] of each pixel where the chain turns, the first pixel included.

    Example:
        >>> chain_outline(5, 9, np.array([2, 2, 4, 4, 6, 6, 0, 0]))
        [[9, 5], [9, 7], [11, 7], [11, 5]]
    """
    points = np.array([row, col]) + np.cumsum(_STEPS[codes], axis=0)
    is_open = bool((points[-1] != (row, col)).any())
    turns = np.append(codes[1:] != codes[:-1], is_open)
    return [[row, col], *points[turns].tolist()]


def _finding(block: str) -> dict:
    types = _LESION_TYPE.findall(block)
    pathology = re.search(r"PATHOLOGY\s+(\w+)", block)
    boundary = _BOUNDARY.search(block)
    words = boundary[1].split() if boundary else []
    outline: list[list[int]] = []
    if len(words) >= 3 and max(map(len, words)) < 10 and max(map(int, words[2:])) <= 7:
        numbers = np.array(words, np.int64)
        corners = chain_outline(int(numbers[0]), int(numbers[1]), numbers[2:])
        outline = corners if len(corners) >= 3 else []
    return {
        "kind": as_word(types[0].split()[0].strip(_NO_LETTERS)) if types else "unknown",
        "pathology": as_word(pathology[1].strip(_NO_LETTERS)) if pathology else "unknown",
        "geometry": "polygon" if outline else "none",
        "coordinates": outline,
        "note": "; ".join(types),
    }
