"""One compressed frame to its samples: which codec it is, by its own bytes, and its decoder.

The transfer syntax of a file may lie; the stream cannot. Frames are decoded nowhere else.
"""

import contextlib
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import imagecodecs
import numpy as np

# Start of frame markers, ITU-T T.81 table B.1 and T.87 C.1.1.
_JPEG_FRAMES = {
    0xC0: "JPEG baseline",
    0xC1: "JPEG extended",
    0xC2: "JPEG progressive",
    0xC3: "JPEG lossless",
    0xF7: "JPEG-LS",
}
_RESTART_INTERVAL, _START_OF_SCAN = 0xDD, 0xDA
_UNSUPPORTED_FRAMES = (0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_SIZ = b"\xff\x4f\xff\x51"  # how a JPEG 2000 codestream begins
_START_OF_TILE = b"\xff\x90"
_END = b"\xff\xd9"
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


@dataclass(frozen=True)
class StreamInfo:
    """What a compressed stream says of itself."""

    codec: str
    height: int
    width: int
    components: int
    precision: int  # bits of a sample


def decode_frame(
    frame: bytes, layout: FrameLayout, notes: list[str] | None = None
) -> tuple[np.ndarray, str]:
    """Decode JPEG, JPEG-LS, JPEG 2000, RLE or nothing at all, whichever the bytes are.

    HTJ2K goes to OpenJPEG, because imagecodecs passes over the errors of OpenJPH. JPEG lossless
    goes to liblj92, which notices a missing end where libjpeg fills it up, but misreads restart
    intervals and point transforms; streams that have these go to libjpeg.

    Args:
        notes: what was wrong and got over is added.

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
    end = _end_of_stream(frame)
    if end is None:
        raise ValueError(f"the {info.codec} stream has no end: it is cut off")
    if notes is not None and len(frame) - end > 1:  # PS3.5 A.4: one byte makes the length even
        notes.append(f"{len(frame) - end} bytes behind the end of the {info.codec} stream")
    # A view, as a copy takes as long as finding the breast; imagecodecs takes any buffer.
    return _decode(cast(bytes, memoryview(frame)[:end]), info), info.codec


def _end_of_stream(frame: bytes) -> int | None:
    """Where a stream ends, or None: behind its last end marker, EOI or EOC.

    Markers cannot stand for pixels: T.81 B.1.1.5, T.87 9.1 and T.800 B.10.1 put a bit or byte
    behind each FF in them. Segments before the first pixels may hold anything, such as a
    small picture with an end of its own.
    """
    if frame[:2] == b"\xff\xd8":
        scans = (at for marker, at, _ in _jpeg_segments(frame) if marker == _START_OF_SCAN)
        pixels = next(scans, -1)
    else:
        pixels = frame.find(_START_OF_TILE, frame.find(_SIZ))
    end = frame.rfind(_END, pixels) if pixels >= 0 else -1
    return end + len(_END) if end >= 0 else None


def _decode(frame: bytes, info: StreamInfo) -> np.ndarray:
    if info.codec == "JPEG-LS":
        return imagecodecs.jpegls_decode(frame)
    if info.codec in ("JPEG 2000", "HTJ2K"):
        return imagecodecs.jpeg2k_decode(frame)
    if info.codec == "JPEG lossless" and _is_plain_lossless(frame):
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
        with contextlib.suppress(imagecodecs.PackbitsError):
            unpacked = imagecodecs.packbits_decode(data)
            if len(unpacked) >= count:
                return np.frombuffer(unpacked, np.uint8, count)
    raise ValueError(f"an RLE segment is damaged or cut off: it must hold {count} bytes")


def stream_info(frame: bytes) -> StreamInfo | None:
    """Read a JPEG, JPEG-LS or JPEG 2000 header; None when it is none of them.

    Raises:
        ValueError: the header is cut off, or of a kind that is not supported.
    """
    if frame[:2] == b"\xff\xd8":
        return _jpeg_info(frame)
    is_jp2 = frame[:12] == b"\0\0\0\x0cjP  \r\n\x87\n"  # boxes around the codestream
    if is_jp2 and _SIZ not in frame:
        raise ValueError("a JP2 file without a codestream")
    if is_jp2 or frame[:4] == _SIZ:
        return _jpeg2000_info(frame[frame.find(_SIZ) :])
    if frame[:2] == b"\xff\x0a" or frame[:12] == b"\0\0\0\x0cJXL \r\n\x87\n":
        raise ValueError("a JPEG XL stream, which is not supported")
    return None


def _is_plain_lossless(frame: bytes) -> bool:
    """Whether there are no restart intervals and no point transform: T.81 B.2.4.4 and B.2.3."""
    for marker, start, length in _jpeg_segments(frame):
        if marker == _RESTART_INTERVAL and any(frame[start + 2 : start + 4]):
            return False
        if marker == _START_OF_SCAN:
            return frame[start + length - 1] & 0x0F == 0
    return False


def _jpeg_info(frame: bytes) -> StreamInfo:
    for marker, start, _ in _jpeg_segments(frame):
        if marker in _UNSUPPORTED_FRAMES:
            raise ValueError(f"a JPEG stream of an unsupported kind (marker FF{marker:02X})")
        if marker in _JPEG_FRAMES and start + 8 <= len(frame):
            precision, height, width, components = struct.unpack_from(">BHHB", frame, start + 2)
            return StreamInfo(_JPEG_FRAMES[marker], height, width, components, precision)
    raise ValueError("a JPEG stream without a frame header")


def _jpeg_segments(frame: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, position and length of the segments of a JPEG stream, to the first scan."""
    position, marker = 2, 0
    while position + 4 <= len(frame) and marker != _START_OF_SCAN:
        if frame[position] != 0xFF:
            raise ValueError("a JPEG stream with a broken header")
        marker = frame[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        (length,) = struct.unpack_from(">H", frame, position + 2)
        if position + 2 + length > len(frame):
            return
        yield marker, position + 2, length
        position += 2 + length


def _jpeg2000_info(codestream: bytes) -> StreamInfo:
    """SIZ segment, ITU-T T.800 A.5.1; bit 14 of its capabilities means HTJ2K (T.814)."""
    if len(codestream) < 43:
        raise ValueError("a JPEG 2000 stream that is cut off in its header")
    capabilities, right, lower, left, upper = struct.unpack(">HIIII", codestream[6:24])
    components, depth = struct.unpack(">HB", codestream[40:43])
    codec = "HTJ2K" if capabilities & 0x4000 else "JPEG 2000"
    return StreamInfo(codec, lower - upper, right - left, components, (depth & 0x7F) + 1)
