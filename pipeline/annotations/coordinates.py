"""Coordinates of findings: what each geometry must hold."""

import json
import math

# Geometries and the names of their values; a polygon is a list of points instead.
NAMES: dict[str, tuple[str, ...]] = {
    "circle": ("row", "col", "radius"),
    "box": ("row0", "col0", "row1", "col1"),
    "polygon": (),
    "mask": ("file",),
    "none": (),
}


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


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
