"""Reading patches from the store, beside a file for each patch."""

import tempfile
from pathlib import Path

import cv2
import numpy as np

from pipeline.preprocess.store.entries import entry_files, read_image, write_entry
from tests.benchmarks.bench_reader import mammogram_like
from tests.benchmarks.measure import Row, interleaved

SHAPE, PATCH_PX, STEP_PX = (3000, 2000), 128, 64  # patches overlap by a half, as they usually do
CROP_PX, STRIDE_PX = 448, 16  # a crop of training holds patches at the network's stride


def rows(repeats: int = 15) -> list[Row]:
    """A patch, a crop of training and all patches of a mammogram."""
    cv2.setNumThreads(1)
    image = mammogram_like(SHAPE, seed=0) << 4
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "one")
        write_entry(store, image=image, breast=np.ones((375, 250), bool), info={})
        corners = [
            (row, col)
            for row in range(0, SHAPE[0] - PATCH_PX + 1, STEP_PX)
            for col in range(0, SHAPE[1] - PATCH_PX + 1, STEP_PX)
        ]
        files = [Path(folder) / f"{row}-{col}.png" for row, col in corners]
        for path, (row, col) in zip(files, corners, strict=True):
            cv2.imwrite(str(path), image[row : row + PATCH_PX, col : col + PATCH_PX])
        some = np.random.default_rng(0).permutation(len(files))[:40].tolist()
        held = ((CROP_PX - PATCH_PX) // STRIDE_PX + 1) ** 2

        def read(row, col, size):
            return read_image(store, slice(row, row + size), slice(col, col + size))

        def all_patches():
            whole = read_image(store)
            return [
                whole[row : row + PATCH_PX, col : col + PATCH_PX].copy() for row, col in corners
            ]

        ways = {
            "files": lambda: [cv2.imread(str(files[i]), cv2.IMREAD_UNCHANGED) for i in some],
            "patches": lambda: [read(*corners[i], PATCH_PX) for i in some],
            "crop": lambda: read(1000, 500, CROP_PX),
            "mammogram": all_patches,
        }
        times = interleaved(ways, repeats)
        on_disk = sum(path.stat().st_size for path in files)
        stored = sum(path.stat().st_size for path in entry_files(store))
    one = 1 / len(some)
    return [
        times.times(files=one, patches=one).row(
            f"one patch of {PATCH_PX} px anywhere, against its PNG file", "patches", "files"
        ),
        times.times(files=held * one).row(
            f"the {held} patches of a training crop, against PNG files", "crop", "files", target=10
        ),
        times.times(files=len(files) * one).row(
            f"all patches of a mammogram at {STEP_PX} px, against PNG files",
            *("mammogram", "files"),
            target=10,
        ),
        Row(
            f"disk of the store, beside PNG files of its patches at {STEP_PX} px",
            round(stored / on_disk, 3),
            target=1,
            at_most=True,
            note=f"{stored / 1e6:.1f} and {on_disk / 1e6:.1f} MB; whole, as one PNG, the image "
            f"takes {len(cv2.imencode('.png', image)[1]) / 1e6:.1f} MB",
        ),
    ]
