"""Pictures inside the page, as data addresses, small enough that the page stays usable."""

import base64
from pathlib import Path

import cv2
import numpy as np
from markupsafe import Markup

# From fine to coarse: width in pixels and JPEG quality.
SIZES = ((1280, 85), (1280, 75), (1000, 75), (800, 70), (640, 65))
ALL_PICTURES_BYTES = 17_000_000  # of JPEG; base64 makes it a third more


def plot_address(path: Path) -> Markup:
    """A PNG file as it is."""
    return data_address("png", path.read_bytes())


def picture_address(path: Path, *, budget_bytes: int) -> Markup:
    """A picture as JPEG, in the finest of SIZES that keeps to the budget, else the coarsest.

    Raises:
        OSError: the picture is damaged.
    """
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise OSError(f"{path} is damaged. Run make heatmap FORCE=1.")
    for width, quality in SIZES:
        scale = min(1.0, width / picture.shape[1])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(jpeg) <= budget_bytes:
            break
    return data_address("jpeg", jpeg)


def data_address(kind: str, content: bytes) -> Markup:
    """A picture as it is; its kind is `png` or `jpeg`."""
    return Markup(f"data:image/{kind};base64,{base64.b64encode(content).decode()}")
