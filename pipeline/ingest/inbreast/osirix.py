"""Outlines as OsiriX exports them: an XML property list, one for each image.

    Images: [{NumberOfROIs: 1, ROIs: [{Name: Mass, NumberOfPoints: 3, Point_px: ["(x, y)", ...]}]}]

x counts columns from the left edge and y rows from the top.
"""

import math
import plistlib
import re
from dataclasses import dataclass
from pathlib import Path
from xml.parsers.expat import ExpatError

# What plistlib raises on a file that is cut off or is something else. It refuses XML entities.
_PLIST_ERRORS = (AttributeError, ExpatError, LookupError, OverflowError, TypeError, ValueError)
_POINT = re.compile(r"\(\s*([^,()\s]+)\s*,\s*([^,()\s]+)\s*\)")


@dataclass(frozen=True)
class Roi:
    """One region."""

    name: str  # as the reader called it, possibly ""
    points: tuple[tuple[float, float], ...]  # (row, col) in pixels, 0-based
    problem: str = ""  # why the points do not tell where it is


@dataclass(frozen=True)
class Regions:
    """All regions of an image, and how many more the file announces."""

    rois: tuple[Roi, ...]
    missing: int = 0


def read_regions(path: Path) -> Regions:
    """Read an export.

    Raises:
        ValueError: the file is no property list of this form; says in what it differs.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        try:
            content = plistlib.load(stream, fmt=plistlib.FMT_XML)
        except _PLIST_ERRORS as error:
            reason = " ".join(str(error).split())[:120]
            raise ValueError(f"not an XML property list ({reason})") from error
    images = content.get("Images") if isinstance(content, dict) else None
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise ValueError("has no list of Images")
    rois: list[Roi] = []
    announced = 0
    for image in images:
        regions = image.get("ROIs", [])
        if not isinstance(regions, list) or not all(isinstance(r, dict) for r in regions):
            raise ValueError("ROIs is not a list of regions")
        rois.extend(_roi(region) for region in regions)
        count = image.get("NumberOfROIs")
        announced += count if isinstance(count, int) else len(regions)
    return Regions(tuple(rois), max(0, announced - len(rois)))


def _roi(region: dict) -> Roi:
    name = str(region.get("Name") or "").strip()
    texts = region.get("Point_px")
    if not isinstance(texts, list) or not texts:
        return Roi(name, (), "it has no points")
    points = []
    for text in texts:
        match = _POINT.fullmatch(text.strip()) if isinstance(text, str) else None
        try:
            x, y = map(float, match.groups()) if match else (math.nan, math.nan)
        except ValueError:
            x = y = math.nan
        if not (math.isfinite(x) and math.isfinite(y)):
            return Roi(name, (), f"{text!r:.40} is no point such as '(12.5, 30.0)'")
        points.append((y, x))
    announced = region.get("NumberOfPoints")
    if isinstance(announced, int) and announced != len(points):
        return Roi(name, (), f"{len(points)} points instead of {announced}")
    return Roi(name, tuple(points))
