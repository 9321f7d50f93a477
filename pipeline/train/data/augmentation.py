"""Random views of a crop, and the exact affine map between a view and its source.

albumentations chooses how a view lies and moves three keypoints so. They give the affine map: the
targets of a view are computed from the outlines and not by resampling a mask, and of the stored
pixels only those are read, and resampled once, that the view shows.
"""

import math
import os
import random
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network at import
import albumentations as A

from pipeline.preprocess.store.entries import network_input

ROTATION_DEGREES = 25.0
SHEAR_DEGREES = 10.0
SMALLEST, LARGEST = 0.75, 1.3  # scale
# How much farther apart two points of a window can be in a view.
STRETCH = LARGEST * (1 + math.tan(math.radians(SHEAR_DEGREES)))


# (row, col, height, width) in a crop, which may lie beside it -> (height, width) uint16, as stored.
ReadPixels = Callable[[int, int, int, int], np.ndarray]


@dataclass(frozen=True)
class View:
    """A crop as the network sees it.

    Attributes:
        image: (size, size) float32 in [0, 1].
        to_crop: (2, 3) float64; (row, col) in the view to (row, col) in the crop that it shows,
            or beside it: `to_crop @ (row, col, 1)`.
    """

    image: np.ndarray
    to_crop: np.ndarray


def plain_view(read: ReadPixels, size_px: int) -> View:
    """The crop as it is."""
    return View(network_input(read(0, 0, size_px, size_px)), np.eye(2, 3))


class _Placed(A.Affine):
    """Moves keypoints; the pixels follow in one step with all that is done to them."""

    def apply(self, img, **_):
        return img


class Augmenter:
    """Makes views. Not thread-safe: albumentations keeps its random state in the transforms."""

    def __init__(self, size_px: int):
        self._blank = np.zeros((size_px, size_px), np.uint8)
        affine = _Placed(
            rotate=(-ROTATION_DEGREES, ROTATION_DEGREES),
            shear=(-SHEAR_DEGREES, SHEAR_DEGREES),
            scale=(SMALLEST, LARGEST),
            # Border modes that mirror would multiply the keypoints.
            border_mode=cv2.BORDER_CONSTANT,
            p=0.9,
        )
        self._spatial = A.Compose(
            # A mammogram has its chest wall on the left, and tissue looks different there: a view
            # that is mirrored or turned by 90 degrees is none that a map is ever made of.
            [A.VerticalFlip(p=0.5), affine],
            keypoint_params=A.KeypointParams(format="xy", remove_invisible=False),
        )
        # Film and scanner differ in grain and sharpness. A stronger contrast would turn the
        # brightest tissue, where lesions are, into plain white: the safe range lowers it, and
        # gamma brightens and darkens without clipping.
        self._grey = A.Compose(
            [
                A.GaussNoise(std_range=(0.005, 0.03), p=0.4),
                A.GaussianBlur(sigma_limit=(0.3, 2.0), blur_limit=0, p=0.3),
                A.RandomBrightnessContrast(
                    brightness_limit=0.15, contrast_limit=0.4, ensure_safe_range=True, p=0.8
                ),
                A.RandomGamma(gamma_limit=(60, 160), p=0.8),
            ]
        )

    def view(self, read: ReadPixels, *, seed: int) -> View:
        """A random view of a crop; the same seed gives the same view."""
        # One stream for all: Compose.set_random_seed would give each transform the same one,
        # and a strong rotation would always come with a strong contrast.
        states = np.random.default_rng(seed), random.Random(seed)
        for transform in (*self._spatial.transforms, *self._grey.transforms):
            transform.set_random_state(*states)
        side = len(self._blank) - 1.0
        corners = np.array([[0.0, 0.0], [side, 0.0], [0.0, side]])  # (x, y)
        moved = self._spatial(image=self._blank, keypoints=corners)["keypoints"]
        # The affine map that takes the moved corners back, both as (row, col).
        after = np.asarray(moved, np.float64)[:, ::-1]
        to_crop = np.linalg.solve(np.column_stack([after, np.ones(3)]), corners[:, ::-1]).T
        image = network_input(_resampled(read, to_crop, len(self._blank)))
        image = self._grey(image=image)["image"]
        return View(np.clip(image, 0.0, 1.0, dtype=np.float32), to_crop)


def _resampled(read: ReadPixels, to_crop: np.ndarray, size: int) -> np.ndarray:
    """The stored pixels that a view shows, (size, size) uint16."""
    last = size - 1
    ends = np.array([[0, 0, 1], [0, last, 1], [last, 0, 1], [last, last, 1]]) @ to_crop.T
    first = np.floor(ends.min(axis=0)).astype(np.int64) - 1  # what the interpolation reaches
    height, width = np.ceil(ends.max(axis=0)).astype(np.int64) + 3 - first
    pixels = read(int(first[0]), int(first[1]), int(height), int(width))
    to_pixels = to_crop - np.column_stack([np.zeros((2, 2)), first])
    # Cubic, because linear interpolation would blur the fine texture that maps contain.
    return cv2.warpAffine(
        pixels,
        to_pixels[::-1][:, [1, 0, 2]],  # of (x, y)
        (size, size),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
    )
