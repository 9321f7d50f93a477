"""Coordinates of findings: what each geometry must hold, and what cannot be meant by it."""

import json
import math
from collections.abc import Iterable

# Geometries and the names of their values; a polygon is a list of points instead.
NAMES: dict[str, tuple[str, ...]] = {
    "circle": ("row", "col", "radius"),
    "box": ("row0", "col0", "row1", "col1"),
    "polygon": (),
    "mask": ("file",),
    "none": (),
}

EXCHANGED = "with row and column exchanged it would lie inside"


def coordinates_problem(geometry: str, coordinates: str) -> str:
    """What is wrong with the coordinates of a finding; "" if nothing.

    Args:
        geometry: one of NAMES.
        coordinates: JSON in (row, col) order, pixels of the DICOM image.
    """
    try:
        value = json.loads(coordinates)
    except json.JSONDecodeError as error:
        return f"coordinates are not JSON ({error})"
    if geometry == "polygon":
        if isinstance(value, list) and len(value) >= 3 and all(map(_is_point, value)):
            return ""
        return "a polygon must be a list of three or more [row, col]"
    if not isinstance(value, dict) or set(value) != set(NAMES[geometry]):
        return f"a {geometry} must have exactly {sorted(NAMES[geometry])}, not {coordinates}"
    if geometry in ("circle", "box") and not all(map(_is_number, value.values())):
        return f"a {geometry} must have finite numbers, not {coordinates}"
    if geometry == "circle" and value["radius"] <= 0:
        return f"the radius must be positive, not {value['radius']}"
    if geometry == "box" and not (value["row0"] < value["row1"] and value["col0"] < value["col1"]):
        return f"a box must have row0 < row1 and col0 < col1, not {coordinates}"
    return ""


def unit_problem(geometry: str, value: dict | list) -> str:
    """Why the numbers of a finding cannot be pixels; "" where they can, and for other geometries.

    Args:
        geometry: one of NAMES.
        value: its coordinates, without a `coordinates_problem`.
    """
    if geometry not in ("circle", "box", "polygon"):
        return ""
    row0, col0, row1, col1 = bounds(geometry, value)
    place = (value["row"], value["col"]) if isinstance(value, dict) and geometry == "circle" else ()
    within_one = all(0 <= each <= 1 for each in place or (row0, col0, row1, col1))
    if within_one and (not place or any(each % 1 for each in place)):
        return (
            "all its places are between 0 and 1, as if they were shares of the image; they must be "
            "pixels (share times number of rows or columns)"
        )
    height, width = row1 - row0, col1 - col0
    if height < 1 and width < 1:
        return f"it is smaller than a pixel ({height:.2g} x {width:.2g}); positions must be pixels"
    return ""


def outside_problem(geometry: str, value: dict | list, *, height: int, width: int) -> str:
    """Why a finding cannot lie where its numbers say; "" where it can, and for other geometries.

    What leaves the image a little is cut off later.

    Args:
        geometry, value: as of `unit_problem`.
        height, width: size of the image in pixels.
    """
    if geometry not in ("circle", "box", "polygon"):
        return ""
    row0, col0, row1, col1 = bounds(geometry, value)
    row, col = (row0 + row1) / 2, (col0 + col1) / 2
    if -1 <= row <= height and -1 <= col <= width:
        return ""
    leaves = row0 > height - 0.5 or col0 > width - 0.5 or row1 < -0.5 or col1 < -0.5
    what = "it lies" if leaves else "its centre lies"
    problem = f"{what} outside the image of {height} x {width} pixels"
    return f"{problem}; {EXCHANGED}" if fits((col0, row0, col1, row1), height, width) else problem


def bounds(geometry: str, value: dict | list) -> tuple[float, float, float, float]:
    """Box (row0, col0, row1, col1) around a circle, box or polygon."""
    if isinstance(value, list):
        rows, cols = zip(*value, strict=True)
        return min(rows), min(cols), max(rows), max(cols)
    if geometry == "box":
        return value["row0"], value["col0"], value["row1"], value["col1"]
    row, col, radius = (value[name] for name in NAMES["circle"])
    return row - radius, col - radius, row + radius, col + radius


def fits(box: Iterable[float], height: int, width: int) -> bool:
    """Whether a box (row0, col0, row1, col1) lies inside an image."""
    row0, col0, row1, col1 = box
    return row0 >= -0.5 and col0 >= -0.5 and row1 <= height - 0.5 and col1 <= width - 0.5


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
