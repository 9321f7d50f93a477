"""How much longer the reader takes than the decoding of the compressed pixels alone.

All ways use one thread, and the file is in the cache of the disk.
"""

import tempfile
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut, get_decoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import JPEG2000Lossless, JPEGLossless

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.dicom.write import SYNTHETIC_BITS
from pipeline.dicom.write_synthetic import write_synthetic
from tests.benchmarks.measure import Row, interleaved

SHAPE = 3328, 2560
NAME = "imagecodecs"
# Asked for by pydicom of a plugin.
DECODERS = {JPEGLossless: imagecodecs.ljpeg_decode, JPEG2000Lossless: imagecodecs.jpeg2k_decode}
DECODER_DEPENDENCIES = dict.fromkeys(DECODERS, ("imagecodecs",))


def rows(repeats: int = 15) -> list[Row]:
    """Decode, read, and read as one would with pydicom alone."""
    cv2.setNumThreads(1)  # as in the workers of the stage
    pixels = mammogram_like(SHAPE, seed=0)
    frame = imagecodecs.ljpeg_encode(pixels, bitspersample=SYNTHETIC_BITS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mammogram.dcm"
        write_mammogram_like(path, pixels)
        ways = {
            "decode": lambda: imagecodecs.ljpeg_decode(frame),
            "read": lambda: read_mammogram(path, settings=DicomSettings()),
            "pydicom": lambda: by_pydicom(path),
        }
        times = interleaved(ways, repeats)
    name = f"reading a mammogram of {SHAPE[0]} x {SHAPE[1]}, JPEG Lossless"
    return [
        times.row(f"{name}, beside its decoding", "read", "decode", target=1.2, at_most=True),
        times.row(f"{name}, against pydicom", "read", "pydicom"),
    ]


def write_mammogram_like(path: Path, pixels: np.ndarray, encoding: str = "jpeg_lossless") -> None:
    """A DICOM file of a picture."""
    woman = {"patient_id": "BENCH-1", "laterality": "L", "view": "CC", "spacing_mm": 0.07}
    write_synthetic(path, pixels, **woman, encoding=encoding)


def by_pydicom(path: Path) -> np.ndarray:
    """What a user of pydicom writes: presentation values of a file."""
    dataset = dcmread(path)
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    if NAME not in decoder.available_plugins:
        decoder.add_plugin(NAME, (__name__, "decode_for_pydicom"))
    return apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)


def is_available(syntax: str) -> bool:
    """pydicom asks whether the decoder is there."""
    return syntax in DECODERS


def decode_for_pydicom(src: bytes, runner: DecodeRunner) -> bytes:
    """The decoder that the reader uses, as a plugin of pydicom."""
    return DECODERS[runner.transfer_syntax](src).tobytes()


def mammogram_like(shape: tuple[int, int], *, seed: int) -> np.ndarray:
    """A bright half disc with texture and noise on a dark, noisy ground: (H, W) uint16."""
    random = np.random.default_rng(seed)
    row, col = np.mgrid[: shape[0], : shape[1]]
    inside = (col / (0.7 * shape[1])) ** 2 + ((row / shape[0] - 0.5) / 0.45) ** 2 < 1
    tissue = 1800 + 400 * np.sin(col / 200) * np.cos(row / 300) + random.normal(0, 40, shape)
    values = np.where(inside, tissue, random.normal(60, 4, shape))
    return values.clip(0, (1 << SYNTHETIC_BITS) - 1).astype(np.uint16)
