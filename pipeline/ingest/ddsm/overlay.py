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
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# Code to (row, col).
_STEPS = np.array([(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)])
_ABNORMALITY = re.compile(r"^\s*ABNORMALITY\b.*$", re.MULTILINE)
_TOTAL = re.compile(r"TOTAL_ABNORMALITIES\s+(\d+)")
_LESION_TYPE = re.compile(r"^\s*LESION_TYPE\s+(\S.*?)\s*$", re.MULTILINE)
_BOUNDARY = re.compile(r"^\s*BOUNDARY\s+(\d[\d\s]*)#", re.MULTILINE)


@dataclass(frozen=True)
class Abnormality:
    """One marked abnormality; what the file does not say is ""."""

    kind: str  # mass, calcification or another word, of the first lesion type
    description: str  # all lesion types in the words of the file
    pathology: str
    outline: list[list[int]]  # corners as [row, col]; [] where there is no usable boundary


def read_overlay(path: Path) -> list[Abnormality]:
    """Read an OVERLAY file.

    Raises:
        ValueError: it does not hold as many abnormalities as it says.
    """
    text = path.read_text(encoding="utf-8", errors="replace")
    blocks = _ABNORMALITY.split(text)[1:]
    total = _TOTAL.search(text)
    if not total or int(total[1]) != len(blocks):
        raise ValueError(f"says {total[1] if total else 'no'} abnormalities and has {len(blocks)}")
    return [_abnormality(block) for block in blocks]


def chain_outline(col: int, row: int, codes: np.ndarray) -> list[list[int]]:
    """The corners of a chain.

    Args:
        col, row: the first pixel.
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


def _abnormality(block: str) -> Abnormality:
    types = _LESION_TYPE.findall(block)
    pathology = re.search(r"PATHOLOGY\s+(\w+)", block)
    return Abnormality(
        kind=_word(types[0].split()[0]) if types else "unknown",
        description="; ".join(types),
        pathology=_word(pathology[1]) if pathology else "unknown",
        outline=_outline(block),
    )


def _outline(block: str) -> list[list[int]]:
    boundary = _BOUNDARY.search(block)
    numbers = np.array(boundary[1].split() if boundary else [], np.int64)
    if len(numbers) < 3 or numbers[2:].max() > 7:
        return []
    corners = chain_outline(int(numbers[0]), int(numbers[1]), numbers[2:])
    return corners if len(corners) >= 3 else []


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-0123456789") or "unknown"
