"""One picture as a frame of each lossless codec."""

import struct

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


def jpeg_lossless(pixels: np.ndarray, *, precision: int, restart_rows: int = 0, shift: int = 0):
    """ITU-T T.81 annex H with the first predictor: what the encoders here cannot write.

    Args:
        restart_rows: rows between restart markers; none if 0.
        shift: the point transform, lowest bits that are left out.
    """
    height, width = pixels.shape
    values, initial = pixels.astype(int) >> shift, 1 << (precision - shift - 1)
    head = b"\xff\xd8\xff\xc3" + struct.pack(">HBHH", 11, precision, height, width)
    head += b"\1\1\x11\0\xff\xc4\0\x24\0" + bytes([0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    head += b"\xff\xdd\0\4" + struct.pack(">H", restart_rows * width)
    head += b"\xff\xda\0\x08\1\1\0\1\0" + bytes([shift])
    step = restart_rows or height
    parts = []
    for start in range(0, height, step):
        bits = ""
        for row in range(start, min(start + step, height)):
            left = np.concatenate([[values[row - 1, 0]], values[row, :-1]])
            left[0] = initial if row == start else left[0]
            for difference in values[row] - left:
                size = int(abs(difference)).bit_length()
                code = difference if difference > 0 else difference + (1 << size) - 1
                bits += f"{size:05b}" + (f"{code:0{size}b}" if size else "")
        bits += "1" * (-len(bits) % 8)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
        parts.append(data)
    scan = parts[0]
    for index, part in enumerate(parts[1:]):
        scan += bytes([0xFF, 0xD0 + index % 8]) + part
    return head + scan + b"\xff\xd9"
