"""Which transfer syntaxes can be read here: one small image in each, written and read back."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from pydicom import uid
from pydicom.uid import UID

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.dicom.unusable import Unusable, one_line
from pipeline.dicom.write import ENCODINGS, Encoding, write_picture

# By the codec that the reader names.
DECODERS = {
    "uncompressed": "NumPy",
    "RLE": "imagecodecs (PackBits)",
    "JPEG baseline": "imagecodecs (libjpeg-turbo)",
    "JPEG extended": "imagecodecs (libjpeg-turbo)",
    "JPEG progressive": "imagecodecs (libjpeg-turbo)",
    "JPEG lossless": "imagecodecs (liblj92)",
    "JPEG-LS": "imagecodecs (CharLS)",
    "JPEG 2000": "imagecodecs (OpenJPEG)",
    "HTJ2K": "imagecodecs (OpenJPEG)",
}
_LOSSLESS, _LOSSY = 1e-6, 0.05
_ROWS, _COLUMNS = 64, 48
_HEADER = {"SOPInstanceUID": "2.25.1", "ViewPosition": "CC", "ImagerPixelSpacing": [0.1, 0.1]}


@dataclass(frozen=True)
class Readable:
    """Whether a transfer syntax is read correctly."""

    syntax: str  # its name and its UID
    decoder: str  # "" where nothing decoded it
    problem: str  # why it is not read, "" where it is


def _progressive(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()


_native = np.ndarray.tobytes
_jpeg = partial(imagecodecs.jpeg8_encode, level=95)
_lossless = partial(imagecodecs.jpeg8_encode, lossless=True, predictor=1, bitspersample=12)
_j2k = partial(imagecodecs.jpeg2k_encode, codecformat="J2K", level=40, bitspersample=12)
_htj2k = partial(imagecodecs.htj2k_encode, reversible=True)
# An encoding, Bits Stored, and by how much a value may differ.
SAMPLES = (
    (Encoding(uid.ImplicitVRLittleEndian, _native), 12, _LOSSLESS),
    (ENCODINGS["explicit"], 12, _LOSSLESS),
    (Encoding(uid.DeflatedExplicitVRLittleEndian, _native), 12, _LOSSLESS),
    (Encoding(uid.ExplicitVRBigEndian, lambda pixels: pixels.byteswap().tobytes()), 12, _LOSSLESS),
    (ENCODINGS["rle"], 12, _LOSSLESS),
    (Encoding(uid.JPEGBaseline8Bit, _jpeg), 8, _LOSSY),
    (Encoding(uid.JPEGExtended12Bit, partial(_jpeg, bitspersample=12)), 12, _LOSSY),
    (Encoding(UID("1.2.840.10008.1.2.4.53"), _progressive), 8, _LOSSY),
    (Encoding(UID("1.2.840.10008.1.2.4.55"), _progressive), 8, _LOSSY),
    (ENCODINGS["jpeg_lossless"], 12, _LOSSLESS),
    (Encoding(uid.JPEGLosslessSV1, _lossless), 12, _LOSSLESS),
    (ENCODINGS["jpeg_ls"], 12, _LOSSLESS),
    (Encoding(uid.JPEGLSNearLossless, partial(imagecodecs.jpegls_encode, level=2)), 12, _LOSSY),
    (ENCODINGS["jpeg2000"], 12, _LOSSLESS),
    (Encoding(uid.JPEG2000, partial(_j2k, reversible=False)), 12, _LOSSY),
    (Encoding(uid.HTJ2KLossless, _htj2k), 12, _LOSSLESS),
    (Encoding(uid.HTJ2KLosslessRPCL, _htj2k), 12, _LOSSLESS),
    (Encoding(uid.HTJ2K, partial(_htj2k, reversible=False)), 12, _LOSSY),
)


def readable_syntaxes(folder: Path) -> Iterator[Readable]:
    """Write a small image in each transfer syntax into a folder, and read it.

    Args:
        folder: is there, for files of a few kB.
    """
    for encoding, bits, tolerance in SAMPLES:
        syntax = f"{encoding.syntax.name.split(',')[0]} ({encoding.syntax})"
        decoder = problem = ""
        try:
            codec, difference = _read_back(folder / f"{encoding.syntax}.dcm", encoding, bits)
        except Unusable as unusable:
            problem = unusable.reason
        except (ImportError, RuntimeError) as error:  # imagecodecs was built without this codec
            problem = f"{type(error).__name__}: {one_line(error)}"
        else:
            if difference <= tolerance:
                decoder = DECODERS.get(codec, codec)
            else:
                problem = f"read wrongly: values differ by up to {difference:.1%}"
        yield Readable(syntax, decoder, problem)


def write_sample(path: Path, encoding: Encoding, bits: int) -> np.ndarray:
    """Write a small image of this encoding and Bits Stored; returns its values, (64, 48)."""
    largest = (1 << bits) - 1
    rows, columns = np.mgrid[:_ROWS, :_COLUMNS]
    ramp = largest * (rows / _ROWS + columns / _COLUMNS) / 2
    pixels = ramp.astype(np.uint8 if bits == 8 else np.uint16)
    sop_class = uid.DigitalMammographyXRayImageStorageForPresentation
    write_picture(path, pixels, _HEADER, sop_class=sop_class, encoding=encoding, bits=bits)
    return pixels


def _read_back(path: Path, encoding: Encoding, bits: int) -> tuple[str, float]:
    """The codec that was found, and the largest difference of a grey value in 0..1."""
    pixels = write_sample(path, encoding, bits)
    read = read_mammogram(path, settings=DicomSettings())
    return read.codec, float(np.abs(read.pixels - pixels / ((1 << bits) - 1)).max())
