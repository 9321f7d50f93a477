"""One compressed frame to its samples: the one place where frames are decoded."""

import math
import struct
from dataclasses import dataclass

import imagecodecs
import numpy as np

from pipeline.dicom.codecs import StreamInfo, is_plain_lossless, stream_info

_BLOCK_PX = 8
# Missing blocks of these become the middle of the range, others look less sharp.
_FILLED = ("JPEG baseline", "JPEG extended")


@dataclass(frozen=True)
class FrameLayout:
    """What the header says about one frame."""

    rows: int
    columns: int
    samples: int  # per pixel
    bits_allocated: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns), and samples where there are several."""
        return (self.rows, self.columns) + ((self.samples,) if self.samples > 1 else ())


def decode_frame(frame: bytes, layout: FrameLayout) -> tuple[np.ndarray, str]:
    """Decode JPEG, JPEG-LS, JPEG 2000, RLE or nothing at all, whichever the bytes are.

    HTJ2K goes to OpenJPEG, because imagecodecs passes over the errors of OpenJPH. JPEG lossless
    goes to liblj92, which notices a missing end where libjpeg fills it up, but misreads restart
    intervals and point transforms; streams that have these go to libjpeg.

    Returns:
        (rows, columns) or (rows, columns, samples) in the colour space of the stream and the
        type of the decoder, and the name of the codec.

    Raises:
        ValueError: it is none of these, of another size than the header says, or cut off.
        RuntimeError: the decoder gives up.
    """
    info = stream_info(frame)
    if info is None:
        return _decode_without_header(frame, layout)
    # Before decoding: a small stream may announce an enormous image.
    if (info.height, info.width) != (layout.rows, layout.columns):
        raise ValueError(
            f"the {info.codec} stream is {info.height} x {info.width} pixels, "
            f"the header says {layout.rows} x {layout.columns}"
        )
    if info.components != layout.samples:
        raise ValueError(
            f"the {info.codec} stream has {info.components} components, not {layout.samples}"
        )
    # Some decoders fill up what is missing, and CharLS may never end.
    if b"\xff\xd9" not in frame[-1024:].rstrip(b"\0")[-16:]:
        raise ValueError(f"the {info.codec} stream has no end: it is cut off")
    return _decode(frame, info), info.codec


def _decode(frame: bytes, info: StreamInfo) -> np.ndarray:
    match info.codec:
        case "JPEG-LS":
            return imagecodecs.jpegls_decode(frame)
        case "JPEG 2000" | "HTJ2K":
            return imagecodecs.jpeg2k_decode(frame)
        case "JPEG lossless" if is_plain_lossless(frame):
            return imagecodecs.ljpeg_decode(frame)
    # The same colour space in and out: components stay as they are.
    space = {1: "GRAYSCALE", 3: "RGB", 4: "CMYK"}[info.components]
    pixels = imagecodecs.jpeg8_decode(frame, colorspace=space, outcolorspace=space)
    if info.codec in _FILLED and _is_filled_up(pixels, info.precision):
        raise ValueError(f"the {info.codec} stream is cut off: its last rows are missing")
    return pixels


def _is_filled_up(pixels: np.ndarray, precision: int) -> bool:
    """Whether the last block, unlike the first, is what libjpeg puts where data are missing."""
    middle = 1 << (precision - 1)
    first, last = pixels[:_BLOCK_PX, :_BLOCK_PX], pixels[-_BLOCK_PX:, -_BLOCK_PX:]
    return bool((last == middle).all() and not (first == middle).all())


def _decode_without_header(frame: bytes, layout: FrameLayout) -> tuple[np.ndarray, str]:
    """RLE, or an uncompressed frame that is encapsulated all the same."""
    size = layout.bits_allocated // 8
    segments = layout.samples * size
    if len(frame) >= 64 and struct.unpack_from("<II", frame) == (segments, 64):
        return _decode_rle(frame, layout), "RLE"
    count = math.prod(layout.shape)
    if segments and len(frame) - count * size in (0, 1):
        return np.frombuffer(frame, f"<u{size}", count).reshape(layout.shape), "uncompressed"
    raise ValueError("the frame is no JPEG, JPEG-LS, JPEG 2000 or RLE stream of this image")


def _decode_rle(frame: bytes, layout: FrameLayout) -> np.ndarray:
    """PS3.5 annex G: a PackBits segment for each byte of each sample, high bytes first."""
    count, size = layout.rows * layout.columns, layout.bits_allocated // 8
    offsets = [*struct.unpack_from(f"<{layout.samples * size}I", frame, 4), len(frame)]
    planes = np.empty((count, layout.samples, size), np.uint8)
    for index in range(layout.samples * size):
        segment = frame[offsets[index] : offsets[index + 1]]
        sample, place = divmod(index, size)
        planes[:, sample, size - 1 - place] = _unpacked(segment, count)
    return planes.view(f"<u{size}").reshape(layout.shape)


def _unpacked(segment: bytes, count: int) -> np.ndarray:
    """The first `count` bytes of a segment, which a byte of padding may follow."""
    for data in (segment, segment[:-1]):
        try:
            unpacked = imagecodecs.packbits_decode(data)
        except imagecodecs.PackbitsError:
            continue
        if len(unpacked) >= count:
            return np.frombuffer(unpacked, np.uint8, count)
    raise ValueError(f"an RLE segment is damaged or cut off: it must hold {count} bytes")
