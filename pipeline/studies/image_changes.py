"""How the same breast may look otherwise: changes of standard images, each with where pixels go.

Standard images are changed, after window and percentiles, in their 16 bits (JPEG: in 8).
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from scipy import ndimage

from pipeline.model.image_map import Mapper
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.store.entries import WHITE, network_input
from pipeline.preprocess.store.standardise import resized

UNCHANGED = "unchanged"
FACTORS = (0.8, 1.25)
BLUR_MM = 0.2
NOISE = 0.02
JPEG_QUALITY = 50
DEGREES = (5, -5)


@dataclass(frozen=True)
class Changed:
    """A changed image."""

    pixels: np.ndarray  # (H', W') float32, about 0 to 1
    # (2, 3) float64: from (row, col, 1) in the image to (row, col) in the changed one
    places: np.ndarray


# Of an image (H, W) float32 in [0, 1].
Change = Callable[[np.ndarray], Changed]


@dataclass(frozen=True)
class ChangedMapper:
    """A Mapper that maps a changed image and reads the map at the positions of the image itself.

    So labels, outlines and the patch table stay what they are, also where the change moves pixels:
    the map of the turned or resampled image is read where the positions have gone, linearly between
    its own. Breast, smoothing and level are those of the image itself.
    """

    mapper: Mapper
    change: Change

    @property
    def stride_px(self) -> int:
        return self.mapper.stride_px

    def __call__(self, image: np.ndarray, rule: MapRule) -> tuple[np.ndarray, None]:
        changed = self.change(image)
        logits, _ = self.mapper(_as_stored(changed.pixels), rule)
        height, width = image.shape
        rows, cols = np.meshgrid(*position_grid(height, width, rule.pitch_px), indexing="ij")
        places = np.tensordot(changed.places, np.stack([rows, cols, np.ones_like(rows)]), 1)
        cells = (places + 0.5) / rule.pitch_px  # (2, h, w)
        return ndimage.map_coordinates(logits, cells, order=1, mode="nearest"), None


def image_changes(*, spacing_mm: float, seed: int) -> dict[str, Change]:
    """The changes by name, `UNCHANGED` first."""
    grey: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        UNCHANGED: np.asarray,
        **{f"gamma {by:g}": partial(with_gamma, exponent=by) for by in FACTORS},
        **{f"contrast times {by:g}": partial(with_contrast, factor=by) for by in FACTORS},
        f"blurred by {BLUR_MM:g} mm": partial(blurred, sigma_px=BLUR_MM / spacing_mm),
        f"noise of {NOISE:.0%}": partial(noisy, sd=NOISE, seed=seed),
        f"JPEG of quality {JPEG_QUALITY}": partial(through_jpeg, quality=JPEG_QUALITY),
    }
    return {
        **{name: partial(_in_place, function=function) for name, function in grey.items()},
        **{f"resampled by {by:g}": partial(resampled, factor=by) for by in FACTORS},
        **{f"turned by {by:+d} degrees": partial(turned, degrees=by) for by in DEGREES},
    }


def with_gamma(image: np.ndarray, *, exponent: float) -> np.ndarray:
    """Grey values to a power: below 1 the dark ones come nearer to the bright ones."""
    return image ** np.float32(exponent)


def with_contrast(image: np.ndarray, *, factor: float) -> np.ndarray:
    """Differences from the mean of all that is not black, which stays, times a factor."""
    mean = image[image > 0].mean() if image.any() else np.float32(0)
    return mean + (image - mean) * np.float32(factor)


def blurred(image: np.ndarray, *, sigma_px: float) -> np.ndarray:
    """The Gaussian mean around each pixel."""
    return cv2.GaussianBlur(image, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101)


def noisy(image: np.ndarray, *, sd: float, seed: int) -> np.ndarray:
    """Gaussian noise in each pixel, drawn by the seed and the image: in any order the same.

    Args:
        sd: standard deviation as a share of the way from black to white.
    """
    rng = np.random.default_rng([seed, zlib.crc32(image.tobytes())])
    return image + np.float32(sd) * rng.standard_normal(image.shape, dtype=np.float32)


def through_jpeg(image: np.ndarray, *, quality: int) -> np.ndarray:
    """In 8 bits, compressed and decompressed as JPEG of that quality."""
    eight_bit = np.rint(image * 255).astype(np.uint8)
    _, file = cv2.imencode(".jpg", eight_bit, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE))
    return decoded.astype(np.float32) / np.float32(255)


def resampled(image: np.ndarray, *, factor: float) -> Changed:
    """With so many times as many rows and columns: everything in it is larger or smaller."""
    shape = [max(1, round(size * factor)) for size in image.shape]
    rows, cols = np.divide(shape, image.shape)
    # A pixel's centre is half a pixel from its edge, and the first edge stays.
    places = np.array([[rows, 0, (rows - 1) / 2], [0, cols, (cols - 1) / 2]])
    return Changed(resized(image, shape), places)


def turned(image: np.ndarray, *, degrees: float) -> Changed:
    """Turned anticlockwise about its middle, with room for all of it.

    The corners that open are filled by reflection, as the network continues every image.
    """
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.array([[cos, -sin], [sin, cos]])  # of row and col
    sizes = np.ceil(np.abs(turn) @ image.shape - 1e-6).astype(int)
    shift = (sizes - 1) / 2 - turn @ ((np.array(image.shape) - 1) / 2)
    places = np.column_stack([turn, shift])
    pixels = cv2.warpAffine(
        image,
        places[::-1, [1, 0, 2]],  # OpenCV has x before y
        (int(sizes[1]), int(sizes[0])),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return Changed(pixels, places)


def _in_place(image: np.ndarray, *, function: Callable[[np.ndarray], np.ndarray]) -> Changed:
    return Changed(function(image), np.eye(2, 3))


def _as_stored(pixels: np.ndarray) -> np.ndarray:
    """In the 16 bits of the store and back."""
    return network_input(np.rint(pixels.clip(0, 1) * WHITE).astype(np.uint16))
