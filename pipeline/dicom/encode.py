"""Pixels in the transfer syntaxes that the phantom uses, all lossless."""

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_encoder
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    RLELossless,
)

BITS = 12
# JPEG Lossless without the "first order prediction" of ...4.70: the encoder predicts from
# two neighbours (selection value 6), which only ...4.57 allows (PS3.5 A.4.1).
UIDS = {
    "explicit": ExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg2000": JPEG2000Lossless,
    "jpeg_lossless": JPEGLossless,
}


def put_pixels(dataset: Dataset, pixels: np.ndarray, syntax: str) -> UID:
    """Set Pixel Data (7FE0,0010) of a dataset that has its Image Pixel Module already.

    Args:
        dataset: changed in place.
        pixels: (rows, columns) uint16 below 4096.
        syntax: a key of UIDS.

    Returns:
        The transfer syntax.
    """
    if syntax == "explicit":
        dataset.PixelData = pixels.astype("<u2").tobytes()
        dataset["PixelData"].VR = "OW"
        return UIDS[syntax]
    if syntax == "rle":
        frame = _rle(dataset, pixels)
    elif syntax == "jpeg2000":
        frame = imagecodecs.jpeg2k_encode(
            pixels, level=0, codecformat="j2k", bitspersample=BITS, reversible=True, mct=False
        )
    else:
        frame = imagecodecs.ljpeg_encode(pixels, bitspersample=BITS)
    dataset.PixelData = encapsulate([bytes(frame)])
    dataset["PixelData"].VR = "OB"
    return UIDS[syntax]


def _rle(dataset: Dataset, pixels: np.ndarray) -> bytes:
    return get_encoder(RLELossless).encode(
        pixels,
        encoding_plugin="pydicom",
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        number_of_frames=1,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=BITS,
        pixel_representation=0,
        photometric_interpretation=dataset.PhotometricInterpretation,
    )
