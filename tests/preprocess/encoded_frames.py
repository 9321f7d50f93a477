"""One picture as a frame of each lossless codec."""

import imagecodecs
import numpy as np
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

PIXELS = (np.arange(32 * 24).reshape(32, 24) * 5).astype(np.uint16)  # below 2^12


def rle(pixels: np.ndarray) -> bytes:
    """PS3.5 annex G by literal runs: the bytes of each sample, high ones first."""
    planes = pixels.reshape(pixels.shape[0] * pixels.shape[1], -1)
    segments = []
    for sample in planes.T:
        for place in reversed(range(pixels.dtype.itemsize)):
            data = (sample >> (8 * place)).astype(np.uint8).tobytes()
            runs = [data[i : i + 128] for i in range(0, len(data), 128)]
            segments.append(b"".join(bytes([len(run) - 1]) + run for run in runs))
    starts = 64 + np.cumsum([0, *map(len, segments)])[:-1]
    header = np.zeros(16, "<u4")
    header[0], header[1 : 1 + len(starts)] = len(starts), starts
    return header.tobytes() + b"".join(segments)


LOSSLESS = {
    "JPEG lossless": (JPEGLosslessSV1, lambda p: imagecodecs.ljpeg_encode(p, bitspersample=12)),
    "JPEG-LS": (JPEGLSLossless, imagecodecs.jpegls_encode),
    "JPEG 2000": (
        JPEG2000Lossless,
        lambda p: imagecodecs.jpeg2k_encode(p, codecformat="J2K", reversible=True),
    ),
    "HTJ2K": (HTJ2KLossless, lambda p: imagecodecs.htj2k_encode(p, reversible=True)),
    "RLE": (RLELossless, rle),
}
