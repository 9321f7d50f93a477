"""What standardising a mammogram costs, beside its decoding and beside the obvious way.

The obvious way is what a tutorial does: pydicom reads, Otsu's threshold and the largest component
of scikit-image find the breast at full size, it is cut out, resized and written as PNG.
"""

import itertools
import tempfile
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from skimage.exposure import rescale_intensity
from skimage.filters import threshold_otsu
from skimage.io import imsave
from skimage.measure import label, regionprops
from skimage.transform import resize

from models.freed_memory import keep_freed_memory
from pipeline.config import DicomSettings, ImageSettings
from pipeline.dicom.write import ENCODINGS
from pipeline.preprocess.store.fill import Job, fill_entry
from tests.benchmarks.bench_reader import (
    SHAPE,
    by_pydicom,
    mammogram_like,
    write_mammogram_like,
)
from tests.benchmarks.measure import Row, interleaved

SPACING_MM, STORED_MM = 0.07, 0.1
# What most sets of full-field mammograms ship: how it is written, how it is decoded.
CODECS = {
    "JPEG Lossless": ("jpeg_lossless", imagecodecs.ljpeg_decode),
    "JPEG 2000": ("jpeg2000", imagecodecs.jpeg2k_decode),
}


def rows(repeats: int = 15) -> list[Row]:
    """One file into the store each time, which is new."""
    cv2.setNumThreads(1)
    keep_freed_memory()  # as its workers do
    pixels = mammogram_like(SHAPE, seed=0)
    return [
        row
        for codec, (encoding, decode) in CODECS.items()
        for row in _of_codec(codec, encoding, decode, pixels, max(2, repeats // 4))
    ]


def _of_codec(codec, encoding, decode, pixels, repeats: int) -> list[Row]:
    frame = bytes(ENCODINGS[encoding].encode(pixels))
    with tempfile.TemporaryDirectory() as folder:
        path, count = Path(folder) / "mammogram.dcm", itertools.count()
        write_mammogram_like(path, pixels, encoding)

        def preprocess():
            root = Path(folder) / str(next(count))
            image = ImageSettings(spacing_mm=STORED_MM)
            ended = fill_entry(Job(str(path), None, image, DicomSettings(), root))
            assert ended.status == "used", ended.reason

        ways = {
            "decode": lambda: decode(frame),
            "preprocess": preprocess,
            "obvious": lambda: obvious(path, Path(folder) / "obvious.png"),
        }
        times = interleaved(ways, repeats)
    name = f"preprocess of a mammogram of {SHAPE[0]} x {SHAPE[1]}, {codec}"
    return [
        times.row(
            f"{name}, beyond its decoding, against pydicom and scikit-image",
            *("preprocess", "obvious"),
            beyond="decode",
            target=20,
        ),
        times.row(
            f"{name}, beside its decoding",
            *("preprocess", "decode"),
            target=1.2,
            at_most=True,
        ),
    ]


def obvious(path: Path, target: Path) -> None:
    """A DICOM file to a PNG of the breast, as one would write it in an afternoon."""
    grey = rescale_intensity(by_pydicom(path).astype(np.float64), out_range=(0, 1))
    parts = regionprops(label(grey > threshold_otsu(grey)))
    top, left, bottom, right = max(parts, key=lambda part: part.area).bbox
    breast = grey[top:bottom, left:right]
    if breast[:, : breast.shape[1] // 2].sum() < breast[:, breast.shape[1] // 2 :].sum():
        breast = breast[:, ::-1]
    shape = [round(size * SPACING_MM / STORED_MM) for size in breast.shape]
    small = resize(breast, shape, anti_aliasing=True)
    imsave(target, np.round(small * 65535).astype(np.uint16), check_contrast=False)
