"""Pictures inside the page, as data addresses, small enough that the page stays usable."""

import base64
from pathlib import Path

import cv2
import numpy as np
from markupsafe import Markup

PER_PAGE = 100  # mammograms; more make a page slow
# From fine to coarse: the longer side in pixels, and JPEG quality.
SIZES = ((1600, 85), (1280, 80), (1100, 75), (900, 70), (700, 65))


def plot_address(path: Path) -> Markup:
    """An SVG file as it is."""
    return data_address("svg+xml", path.read_bytes())


def picture_address(path: Path, *, budget_bytes: int) -> Markup:
    """A picture as JPEG within a budget, see `jpeg_within`.

    Raises:
        OSError: the picture is damaged.
    """
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise OSError(f"{path} is damaged. Run make preprocess FORCE=1.")
    return data_address("jpeg", jpeg_within(picture, budget_bytes=budget_bytes))


def jpeg_within(picture: np.ndarray, *, budget_bytes: int) -> bytes:
    """A picture, (h, w) or (h, w, 3) uint8, in the finest of SIZES that keeps to the budget.

    The coarsest where none does.
    """
    for longest, quality in SIZES:
        scale = min(1.0, longest / max(picture.shape[:2]))
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= budget_bytes:
            break
    return jpeg


def data_address(kind: str, content: bytes) -> Markup:
    """The content of a picture file of that kind, such as `jpeg`, as an address."""
    return Markup(f"data:image/{kind};base64,{base64.b64encode(content).decode()}")
