"""The decoders of imagecodecs behind pydicom's plugin interface.

With them `pixel_array` decodes what the reader decodes, by the same function: 12-bit JPEG,
JPEG lossless, JPEG-LS, JPEG 2000, HTJ2K and RLE, none of which needs a decoder with a licence
that restricts its use. The reader calls that function directly: pydicom's runner copies the
pixels and shifts their bits, 11 to 16 ms on top of the 85 that a full-field mammogram takes.
"""

import numpy as np
from pydicom import uid
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import DecodeRunner

from pipeline.dicom.decode_frame import FrameLayout, decode_frame

NAME = "imagecodecs"
SYNTAXES = (
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.HTJ2K,
    uid.RLELossless,
)
DECODER_DEPENDENCIES = dict.fromkeys(SYNTAXES, ("numpy", "imagecodecs"))


def register_decoders() -> None:
    """Make the plugin known to pydicom; more than once does no harm."""
    for syntax in SYNTAXES:
        decoder = get_decoder(syntax)
        if NAME not in decoder.available_plugins:
            decoder.add_plugin(NAME, (__name__, "decode_for_pydicom"))


def is_available(syntax: str) -> bool:
    """Whether frames of a transfer syntax can be decoded; pydicom asks."""
    return syntax in SYNTAXES


def decode_for_pydicom(src: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame as pydicom wants it, and tell it what differs from the header.

    Raises:
        ValueError or RuntimeError: the frame is damaged or not what the header says.
    """
    layout = FrameLayout(
        runner.rows, runner.columns, runner.samples_per_pixel, runner.bits_allocated
    )
    pixels, codec = decode_frame(src, layout)
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    if layout.samples > 1:
        runner.set_option("planar_configuration", 0)
    if codec in ("JPEG 2000", "HTJ2K") and runner.photometric_interpretation.startswith("YBR_"):
        runner.set_option("photometric_interpretation", "RGB")  # the decoder undid it
    return np.ascontiguousarray(pixels).tobytes()
