"""Random views of a crop, and the exact affine map between a view and its source.

albumentations chooses how a view lies and what is done to its grey values, and does neither. Its
matrix is the affine map: the targets of a view are computed from the outlines and not by resampling
a mask, and of the stored pixels only those are read, and resampled once, that the view shows. The
grey-scale steps are done in one, and most views need no more than a look-up table; or they are left
to the device that trains (grey_on_device.py).
"""

import functools
import math
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network at import
import albumentations as A

from pipeline.preprocess.store.entries import WHITE, network_input

ROTATION_DEGREES = 25.0
SHEAR_DEGREES = 10.0
SMALLEST, LARGEST = 0.75, 1.3  # scale
# How much farther apart two points of a window can be in a view.
STRETCH = LARGEST * (1 + math.tan(math.radians(SHEAR_DEGREES)))

LARGEST_SIGMA = 2.0  # of the blur, in pixels

_LEVELS = np.arange(WHITE + 1, dtype=np.uint16)[None]  # every stored grey value

# (row, col, height, width) in a crop, which may lie beside it -> (height, width) uint16, as stored.
ReadPixels = Callable[[int, int, int, int], np.ndarray]


class GreySteps(NamedTuple):
    """What is done to the grey values of a view, in this order; by itself nothing."""

    noise_map: np.ndarray | float | None = None  # what is added, or its standard deviation alone
    kernel: np.ndarray | None = None  # of the blur, along rows and columns
    alpha: float = 1.0  # contrast
    beta: float = 0.0  # brightness
    gamma: float = 1.0


@dataclass(frozen=True)
class View:
    """A crop turned and scaled, and what is to be done to its grey values."""

    pixels: np.ndarray  # (size, size) uint16, as stored
    steps: GreySteps
    # (2, 3) float64; (row, col) in the view to (row, col) in the crop that it shows, or beside it:
    # `to_crop @ (row, col, 1)`
    to_crop: np.ndarray

    @functools.cached_property
    def image(self) -> np.ndarray:
        """What the network sees, (size, size) float32 in [0, 1]."""
        return in_grey(self.pixels, self.steps)


def plain_view(read: ReadPixels, size_px: int) -> View:
    """The crop as it is."""
    return View(read(0, 0, size_px, size_px), GreySteps(), np.eye(2, 3))


class _Chosen(A.BasicTransform):
    """A transform that draws its parameters and leaves the image as it is."""

    def apply(self, img, **_):
        return img

    def draw(self, image: np.ndarray, states: tuple[np.random.Generator, random.Random]) -> dict:
        """The parameters for such an image, by name; empty where nothing is to be done."""
        self.set_random_state(*states)
        self(image=image)
        return self.get_applied_params()


class _Flip(_Chosen, A.VerticalFlip):
    pass


class _Affine(_Chosen, A.Affine):
    pass


class _Noise(_Chosen, A.GaussNoise):
    pass


class _NoiseStrength(_Noise):
    def get_params_dependent_on_data(self, params, data):
        std = self.py_random.uniform(*self.std_range)
        self.py_random.uniform(*self.mean_range)  # as for a map: what is drawn next stays the same
        return {"noise_map": std}


class _Blur(_Chosen, A.GaussianBlur):
    pass


class _Contrast(_Chosen, A.RandomBrightnessContrast):
    pass


class _Gamma(_Chosen, A.RandomGamma):
    pass


class Augmenter:
    """Makes views. Not thread-safe: albumentations keeps its random state in the transforms.

    Args:
        draws_noise: whether views have their noise, or its standard deviation alone.
    """

    def __init__(self, size_px: int, *, draws_noise: bool = True):
        self._blank = np.zeros((size_px, size_px), np.float32)
        # A mammogram has its chest wall on the left, and tissue looks different there: a view
        # that is mirrored or turned by 90 degrees is none that a map is ever made of.
        self._flip = _Flip(p=0.5)
        self._affine = _Affine(
            rotate=(-ROTATION_DEGREES, ROTATION_DEGREES),
            shear=(-SHEAR_DEGREES, SHEAR_DEGREES),
            scale=(SMALLEST, LARGEST),
            p=0.9,
        )
        # Film and scanner differ in grain and sharpness. A stronger contrast would turn the
        # brightest tissue, where lesions are, into plain white: the safe range lowers it, and
        # gamma brightens and darkens without clipping.
        self._noise = (_Noise if draws_noise else _NoiseStrength)(std_range=(0.005, 0.03), p=0.4)
        self._blur = _Blur(sigma_limit=(0.3, LARGEST_SIGMA), blur_limit=0, p=0.3)
        self._contrast = _Contrast(
            brightness_limit=0.15, contrast_limit=0.4, ensure_safe_range=True, p=0.8
        )
        self._gamma = _Gamma(gamma_limit=(60, 160), p=0.8)

    def view(self, read: ReadPixels, *, seed: int) -> View:
        """A random view of a crop; the same seed gives the same view."""
        # One stream for all, which draw in this order: seeded alike, a strong rotation would
        # always come with a strong contrast.
        states = np.random.default_rng(seed), random.Random(seed)
        size = len(self._blank)
        matrix = np.eye(3)  # of (x, y) in the crop
        if self._flip.draw(self._blank, states):
            matrix[1, 1:] = -1, size - 1
        matrix = self._affine.draw(self._blank, states).get("matrix", np.eye(3)) @ matrix
        to_crop = np.linalg.inv(matrix)[[1, 0]][:, [1, 0, 2]]
        pixels, drawn = _resampled(read, to_crop, size), dict[str, Any]()
        for chosen in (self._noise, self._blur, self._contrast, self._gamma):
            drawn |= chosen.draw(self._blank, states)
        steps = GreySteps(**{name: drawn[name] for name in GreySteps._fields if name in drawn})
        return View(pixels, steps, to_crop)


def in_grey(stored: np.ndarray, steps: GreySteps) -> np.ndarray:
    """Do the grey-scale steps, all in one.

    Args:
        stored: (size, size) uint16.
        steps: with the noise itself.

    Returns:
        (size, size) float32 in [0, 1], but for last bits what albumentations gives.
    """

    def toned(image: np.ndarray) -> np.ndarray:
        if (steps.alpha, steps.beta) != (1.0, 0.0):
            image = image * np.float32(steps.alpha) + np.float32(steps.beta)
        image = np.clip(image, 0.0, 1.0, out=image)
        return cv2.pow(image, steps.gamma) if steps.gamma != 1.0 else image

    if steps.noise_map is None and steps.kernel is None and stored.size > WHITE:
        return cv2.LUT(stored, toned(network_input(_LEVELS)))
    image = network_input(stored)
    if steps.noise_map is not None:
        image += steps.noise_map
        np.clip(image, 0.0, 1.0, out=image)
    if steps.kernel is not None:
        image = cv2.sepFilter2D(image, ddepth=-1, kernelX=steps.kernel, kernelY=steps.kernel)
    return toned(image)


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
