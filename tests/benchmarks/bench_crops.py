"""What a training crop costs, beside albumentations on a window that fills every view of it.

Both views are of the same seed, so they show the same.
"""

import math
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import albumentations as A
import cv2
import numpy as np

from pipeline.preprocess.store.entries import WHITE, network_input, write_entry
from pipeline.preprocess.window import read_window
from pipeline.train.data.augmentation import (
    LARGEST,
    ROTATION_DEGREES,
    SHEAR_DEGREES,
    SMALLEST,
    Augmenter,
    ReadPixels,
)
from tests.benchmarks.measure import Row, interleaved

SIZE, DOZEN = 448, 12  # of configs/mias.yaml
SHAPE = (2000, 1200)


class Whole:
    """The same view with nothing but albumentations: turn a whole window, cut the middle."""

    def __init__(self, size_px: int):
        sheared = 1 / (1 - math.tan(math.radians(SHEAR_DEGREES)))
        turned = math.radians(ROTATION_DEGREES)
        needed = size_px * (math.cos(turned) + math.sin(turned)) * sheared / SMALLEST
        self.size_px = size_px
        # So much more at each side fills every view; two pixels are for the interpolation.
        self.border_px = math.ceil((needed - size_px) / 2) + 2
        affine = A.Affine(
            rotate=(-ROTATION_DEGREES, ROTATION_DEGREES),
            shear=(-SHEAR_DEGREES, SHEAR_DEGREES),
            scale=(SMALLEST, LARGEST),
            interpolation=cv2.INTER_CUBIC,
            border_mode=cv2.BORDER_CONSTANT,
            p=0.9,
        )
        self._whole = A.Compose(
            [A.VerticalFlip(p=0.5), affine, A.CenterCrop(size_px, size_px)],
            keypoint_params=A.KeypointParams(format="xy", remove_invisible=False),
        )
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

    def view(self, read: ReadPixels, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """A random view of the crop in the middle of a window: its image and `to_crop`."""
        states = np.random.default_rng(seed), random.Random(seed)
        for transform in (*self._whole.transforms, *self._grey.transforms):
            transform.set_random_state(*states)
        border, side = self.border_px, self.size_px + 2 * self.border_px
        window = network_input(read(-border, -border, side, side))
        last = self.size_px - 1.0
        corners = np.array([[0.0, 0.0], [last, 0.0], [0.0, last]])  # (x, y)
        moved = self._whole(image=window, keypoints=corners + border)
        after = np.asarray(moved["keypoints"], np.float64)[:, ::-1]
        to_crop = np.linalg.solve(np.column_stack([after, np.ones(3)]), corners[:, ::-1]).T
        image = np.clip(moved["image"], 0.0, 1.0)
        return np.clip(self._grey(image=image)["image"], 0.0, 1.0), to_crop


def rows(repeats: int = 15) -> list[Row]:
    """Crops from the middle of a smooth picture with grain; a repeat is a dozen of them."""
    cv2.setNumThreads(1)
    grain = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    smooth = cv2.GaussianBlur(grain, (0, 0), 3)
    low, high = smooth.min(), smooth.max()
    stored = np.round((smooth - low) / (high - low) * WHITE).astype(np.uint16)
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "one")
        write_entry(store, image=stored, breast=np.ones((SHAPE[0] // 8, SHAPE[1] // 8)), info={})

        def read(row, col, height, width):
            return read_window(store, 700 + row, 400 + col, height, width, image=SHAPE)

        ours, bare, whole = Augmenter(SIZE), Augmenter(SIZE, draws_noise=False), Whole(SIZE)
        seeds = range(DOZEN)
        ways: dict[str, Callable[[], list[np.ndarray]]] = {
            "crops": lambda: [ours.view(read, seed=seed).image for seed in seeds],
            "stored": lambda: [bare.view(read, seed=seed).pixels for seed in seeds],
            "windows": lambda: [whole.view(read, seed=seed)[0] for seed in seeds],
        }
        apart = max(
            float(np.abs(one - other).max())
            for one, other in zip(ways["crops"](), ways["windows"](), strict=True)
        )
        times = interleaved(ways, repeats)
    crops, stored = (DOZEN / float(np.median(times.processor[way])) for way in ("crops", "stored"))
    name = f"a dozen crops of {SIZE} px with augmentation, against windows that fill every view"
    note = f"{crops:.0f} crops a second and core; the views differ by {apart:.0e} of 1 at most"
    left = "the same, their grey-scale steps left to the device, against crops that are finished"
    return [
        times.row(name, "crops", "windows", target=4, note=note),
        times.row(left, "stored", "crops", note=f"{stored:.0f} crops a second and core"),
    ]
