"""Which transfer syntaxes can be read here: one small image in each, through the reader."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, DigitalMammographyXRayImageStorageForPresentation

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.dicom.unusable import Unusable, one_line

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


@dataclass(frozen=True)
class Decodable:
    """Whether a transfer syntax is read correctly.

    Attributes:
        decoder: what decoded it, "" where nothing did.
        problem: why it is not read, "" where it is.
    """

    syntax: UID
    decoder: str
    problem: str


@dataclass(frozen=True)
class _Sample:
    """How the image is encoded: with `bits`, into a frame or native bytes, how exactly."""

    bits: int
    encode: Callable[[np.ndarray], bytes]
    tolerance: float = _LOSSLESS


def _native(kind: str) -> _Sample:
    return _Sample(12, lambda pixels: pixels.astype(kind).tobytes())


def _progressive(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()


def _run_length(pixels: np.ndarray) -> bytes:
    """PS3.5 annex G: the high bytes, then the low bytes, packed."""
    segments = [
        imagecodecs.packbits_encode((pixels >> shift).astype(np.uint8).tobytes())
        for shift in (8, 0)
    ]
    padded = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    return struct.pack("<16I", 2, 64, 64 + len(padded[0]), *([0] * 13)) + b"".join(padded)


_jpeg = partial(imagecodecs.jpeg8_encode, level=95)
_jpeg2000 = partial(imagecodecs.jpeg2k_encode, codecformat="J2K", bitspersample=12)
_lossless_htj2k = _Sample(12, partial(imagecodecs.htj2k_encode, reversible=True))

SAMPLES = {
    uid.ImplicitVRLittleEndian: _native("<u2"),
    uid.ExplicitVRLittleEndian: _native("<u2"),
    uid.DeflatedExplicitVRLittleEndian: _native("<u2"),
    uid.ExplicitVRBigEndian: _native(">u2"),
    uid.RLELossless: _Sample(12, _run_length),
    uid.JPEGBaseline8Bit: _Sample(8, _jpeg, _LOSSY),
    uid.JPEGExtended12Bit: _Sample(12, partial(_jpeg, bitspersample=12), _LOSSY),
    UID("1.2.840.10008.1.2.4.53"): _Sample(8, _progressive, _LOSSY),
    UID("1.2.840.10008.1.2.4.55"): _Sample(8, _progressive, _LOSSY),
    uid.JPEGLossless: _Sample(12, partial(imagecodecs.ljpeg_encode, bitspersample=12)),
    uid.JPEGLosslessSV1: _Sample(
        12, partial(imagecodecs.jpeg8_encode, lossless=True, predictor=1, bitspersample=12)
    ),
    uid.JPEGLSLossless: _Sample(12, imagecodecs.jpegls_encode),
    uid.JPEGLSNearLossless: _Sample(12, partial(imagecodecs.jpegls_encode, level=2), _LOSSY),
    uid.JPEG2000Lossless: _Sample(12, partial(_jpeg2000, level=0, reversible=True)),
    uid.JPEG2000: _Sample(12, partial(_jpeg2000, level=40, reversible=False), _LOSSY),
    uid.HTJ2KLossless: _lossless_htj2k,
    uid.HTJ2KLosslessRPCL: _lossless_htj2k,
    uid.HTJ2K: _Sample(12, partial(imagecodecs.htj2k_encode, reversible=False), _LOSSY),
}


def check_decoding(folder: Path) -> list[Decodable]:
    """Write a small image in each transfer syntax into a folder, and read it.

    Args:
        folder: is there, for files of a few kB.
    """
    return [
        _checked(syntax, sample, folder / f"{syntax}.dcm") for syntax, sample in SAMPLES.items()
    ]


def _checked(syntax: UID, sample: _Sample, path: Path) -> Decodable:
    try:
        expected = _write(path, syntax, sample)
        read = read_mammogram(path, settings=DicomSettings())
    except Unusable as unusable:
        return Decodable(syntax, "", unusable.reason)
    except (ImportError, RuntimeError) as error:  # imagecodecs was built without this codec
        return Decodable(syntax, "", f"{type(error).__name__}: {one_line(error)}")
    difference = float(np.abs(read.pixels - expected).max())
    if difference > sample.tolerance:
        return Decodable(syntax, "", f"read wrongly: values differ by up to {difference:.1%}")
    return Decodable(syntax, DECODERS.get(read.codec, read.codec), "")


def _write(path: Path, syntax: UID, sample: _Sample) -> np.ndarray:
    """Write the image and return the grey values in 0..1 that must be read."""
    largest = (1 << sample.bits) - 1
    rows, columns = np.mgrid[:_ROWS, :_COLUMNS]
    pixels = (largest * (rows / _ROWS + columns / _COLUMNS) / 2).astype(f"<u{-(-sample.bits // 8)}")
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "2.25.1"
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.Modality = "MG"
    dataset.ViewPosition = "CC"
    dataset.ImagerPixelSpacing = [0.1, 0.1]
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.SamplesPerPixel = 1
    dataset.PixelRepresentation = 0
    dataset.Rows, dataset.Columns = _ROWS, _COLUMNS
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = sample.bits, sample.bits - 1
    frame = bytes(sample.encode(pixels))
    dataset.PixelData = encapsulate([frame]) if syntax.is_encapsulated else frame
    dataset["PixelData"].VR = "OB" if syntax.is_encapsulated else "OW"
    dataset.save_as(path, enforce_file_format=True)
    return pixels / largest
