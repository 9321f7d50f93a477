"""The LJPEG files of DDSM: JPEG Lossless streams (ITU-T T.81) without a container."""

from pathlib import Path

import imagecodecs
import numpy as np

from pipeline.dicom.compressed_frame import stream_info

CONVERT = "convert the film to PNG or TIFF of 16 bit with the software of DDSM"


def read_ljpeg(path: Path, *, size: tuple[int, int], bits: int) -> np.ndarray:
    """Grey values of an LJPEG file, (H, W) uint8 or uint16.

    Args:
        size: (H, W). Some files name width and height the wrong way round.
        bits: grey values must lie below 2^bits.

    Raises:
        ValueError: not such a file, or not of this size and depth.
    """
    data = path.read_bytes()
    try:
        info = stream_info(data)
        if info is None or info.codec != "JPEG lossless" or info.components != 1:
            raise ValueError("is no JPEG lossless stream")
        if info.height * info.width != size[0] * size[1]:
            raise ValueError(f"has {info.height} x {info.width} pixels, unlike its .ics")
        pixels = imagecodecs.ljpeg_decode(data)
        if pixels.max() >= 1 << bits:
            raise ValueError(f"decodes to more than {bits} bits")
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{error}; {CONVERT}") from error
    return pixels.reshape(size)
