"""Random views of a crop, and the exact affine map between a view and its source.

albumentations transforms image and keypoints together; three keypoints give the affine map,
so the targets of a view are computed from the outlines and not by resampling a mask.
"""

import math
import os
import random
from dataclasses import dataclass

import cv2
import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network at import
import albumentations as A

ROTATION_DEGREES = 25.0
SHEAR_DEGREES = 10.0
SMALLEST, LARGEST = 0.75, 1.3  # scale
# How much farther apart two points of a window can be in a view.
STRETCH = LARGEST * (1 + math.tan(math.radians(SHEAR_DEGREES)))


@dataclass(frozen=True)
class View:
    """A crop as the network sees it.

    Attributes:
        image: (size, size) float32 in [0, 1].
        to_window: (2, 3) float64; (row, col) in the view to (row, col) in the window that it
            was made from: `to_window @ (row, col, 1)`.
    """

    image: np.ndarray
    to_window: np.ndarray


def source_size(size_px: int) -> int:
    """Side of the window whose pixels fill every rotated and shrunk view of `size_px`.

    Differs from `size_px` by an even number, so both have one centre.
    """
    angle = math.radians(ROTATION_DEGREES)
    sheared = 1 / (1 - math.tan(math.radians(SHEAR_DEGREES)))
    needed = size_px * (math.cos(angle) + math.sin(angle)) * sheared / SMALLEST
    border = math.ceil((needed - size_px) / 2) + 2  # two pixels for the interpolation
    return size_px + 2 * border


def plain_view(window: np.ndarray) -> View:
    """The window as it is."""
    return View(window, np.eye(2, 3))


class Augmenter:
    """Makes views. Not thread-safe: albumentations keeps its random state in the transforms."""

    def __init__(self, size_px: int):
        # Cubic, because linear interpolation would blur the fine texture that maps contain.
        # Outside the window is never in a view; border modes that mirror would multiply
        # the keypoints.
        affine = A.Affine(
            rotate=(-ROTATION_DEGREES, ROTATION_DEGREES),
            shear=(-SHEAR_DEGREES, SHEAR_DEGREES),
            scale=(SMALLEST, LARGEST),
            interpolation=cv2.INTER_CUBIC,
            border_mode=cv2.BORDER_CONSTANT,
            p=0.9,
        )
        self._spatial = A.Compose(
            # A mammogram has its chest wall on the left, and tissue looks different there: a view
            # that is mirrored or turned by 90 degrees is none that a map is ever made of.
            [A.VerticalFlip(p=0.5), affine, A.CenterCrop(size_px, size_px)],
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

    def view(self, window: np.ndarray, *, seed: int) -> View:
        """A random view of a window; the same seed gives the same view.

        Args:
            window: (source_size, source_size) float32 in [0, 1].
        """
        # One stream for all: Compose.set_random_seed would give each transform the same one,
        # and a strong rotation would always come with a strong contrast.
        states = np.random.default_rng(seed), random.Random(seed)
        for transform in (*self._spatial.transforms, *self._grey.transforms):
            transform.set_random_state(*states)
        side = window.shape[0] - 1.0
        corners = np.array([[0.0, 0.0], [side, 0.0], [0.0, side]])  # (x, y)
        moved = self._spatial(image=window, keypoints=corners)
        image = np.clip(moved["image"], 0.0, 1.0)  # cubic interpolation overshoots
        image = self._grey(image=image)["image"]
        # The affine map that takes the moved corners back, both as (row, col).
        after = np.asarray(moved["keypoints"], np.float64)[:, ::-1]
        to_window = np.linalg.solve(np.column_stack([after, np.ones(3)]), corners[:, ::-1]).T
        return View(np.clip(image, 0.0, 1.0, dtype=np.float32), to_window)
