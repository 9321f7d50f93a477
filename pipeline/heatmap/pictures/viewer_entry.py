"""What the viewer of the report shows of one mammogram: pixels, map and lines, as one JSON file.

All coordinates are original pixels, (row, col) with centres at integers; the picture and the map
are oriented as the original image is.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.special import logit
from skimage.measure import approximate_polygon

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.outlines import Outline
from pipeline.drawing.field import field_of, grey_picture, on_picture
from pipeline.heatmap.regions import Regions
from pipeline.model.image_map import ImageMap
from pipeline.pages.colours import ProbabilityScale
from pipeline.pages.embedded import PER_PAGE, data_address, jpeg_within
from pipeline.preprocess.store.entries import read_breast, read_image
from pipeline.run.atomic import write_text

PICTURE_PX = (1600, 1600)  # the mammogram is reduced to this before its JPEG is
THUMBNAIL_PX = (240, 200)
THUMBNAIL_BYTES = 12_000
# Of the pictures and maps of a page, before base64 makes them a third more.
_PAGE_BYTES = 8_800_000
_MOST_BYTES = 400_000
# A probability is kept as a 16-bit step of its log odds, so it is good to 0.01 of a percent; 0 is
# a place without one.
LOWEST_LOG_ODDS, LOG_ODDS_STEP = -14.0, 28 / 65534
_TOLERANCE_MM = 0.15  # of the lines


def write_viewer_entry(
    path: Path,
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    regions: Regions,
    outlines: Sequence[Outline],
    *,
    prior: float,
    images: int,
) -> None:
    """Write what the viewer shows of a mammogram, atomically.

    Args:
        mammogram: row of mammograms.csv.
        outlines: its outlines, in original pixels.
        prior: the lowest end of the colours.
        images: how many there are, so that a page of them stays small.
    """
    geometry = geometry_of(mammogram)
    field = field_of(geometry)
    image, breast = read_image(mammogram["store"]), read_breast(mammogram["store"])
    rows, cols = len(image_map.rows), len(image_map.cols)
    room = min(_PAGE_BYTES // min(images, PER_PAGE), _MOST_BYTES) - 2 * rows * cols
    spacing_mm = float(mammogram["original_spacing_mm"])
    tolerance = _TOLERANCE_MM / spacing_mm

    def grey(most: tuple[int, int]) -> np.ndarray:
        most = min(most[0], image.shape[0]), min(most[1], image.shape[1])
        return grey_picture(image, breast, field.shape_px(*most), flipped=geometry.flipped)

    small = grey(THUMBNAIL_PX)
    scale = ProbabilityScale(low=prior)
    share = on_picture(scale.share(image_map.probability), image_map, field, small.shape)
    thumbnail = cv2.cvtColor(_bytes(scale.blend(small, share)), cv2.COLOR_RGB2BGR)
    jpegs = {
        "picture": jpeg_within(_bytes(grey(PICTURE_PX)), budget_bytes=room),
        "thumbnail": jpeg_within(thumbnail, budget_bytes=THUMBNAIL_BYTES),
    }
    entry = {
        **{name: data_address("jpeg", jpeg) for name, jpeg in jpegs.items()},
        "field": [field.top, field.bottom, field.left, field.right],
        "spacing_mm": spacing_mm,
        "map": _map(image_map),
        "spread": _spread(image_map),
        "regions": [_lines(curves, tolerance) for curves in regions.curves(image_map)],
        "truth": [
            {
                "kind": outline.kind,
                "pathology": outline.pathology,
                "counts": outline.positive,
                "lines": _lines(outline.curves(), tolerance),
            }
            for outline in outlines
        ],
    }
    write_text(path, json.dumps(entry, allow_nan=False, separators=(",", ":")))


def _map(image_map: ImageMap) -> dict[str, Any]:
    """The map as the original image is oriented: where it lies, and its probabilities as steps."""
    mirrored = image_map.cols[1] < image_map.cols[0]
    cols = image_map.cols[::-1] if mirrored else image_map.cols
    p = image_map.probability[:, ::-1] if mirrored else image_map.probability
    ends = 1e-6, 1 - 1e-6
    steps = np.rint((logit(np.clip(p, *ends)) - LOWEST_LOG_ODDS) / LOG_ODDS_STEP) + 1
    values = np.where(np.isnan(p), 0, steps).astype("<u2")
    return {
        "rows": [float(image_map.rows[0]), float(image_map.rows[1] - image_map.rows[0])],
        "cols": [float(cols[0]), float(cols[1] - cols[0])],
        "shape": list(values.shape),
        "steps": [LOWEST_LOG_ODDS, LOG_ODDS_STEP],
        "values": base64.b64encode(values.tobytes()).decode(),
    }


def _spread(image_map: ImageMap) -> float | None:
    """How far the copies of the map differ at its highest place; None where there is one copy."""
    if image_map.spread is None:
        return None
    return round(float(image_map.spread.flat[np.nanargmax(image_map.logit)]), 3)


def _lines(curves: Iterable[np.ndarray], tolerance: float) -> list[list[list[float]]]:
    return [np.round(approximate_polygon(curve, tolerance), 1).tolist() for curve in curves]


def _bytes(picture: np.ndarray) -> np.ndarray:
    """A picture in [0, 1] as uint8."""
    return np.rint(picture * 255).astype(np.uint8)
