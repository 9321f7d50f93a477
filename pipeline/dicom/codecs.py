"""Compressed frames: which codec they are, by their own bytes.

The transfer syntax of a file may lie; the stream cannot.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True)
class StreamInfo:
    """What a compressed stream says of itself."""

    codec: str
    height: int
    width: int
    components: int
    precision: int  # bits of a sample


def stream_info(frame: bytes) -> StreamInfo | None:
    """Read a JPEG, JPEG-LS or JPEG 2000 header; None when it is none of them.

    Raises:
        ValueError: the header is cut off, or of a kind that is not supported.
    """
    if frame[:2] == b"\xff\xd8":
        return _jpeg_info(frame)
    if frame[:12] == b"\0\0\0\x0cjP  \r\n\x87\n":  # JP2 boxes around the codestream
        start = frame.find(b"\xff\x4f\xff\x51")
        if start < 0:
            raise ValueError("a JP2 file without a codestream")
        return _jpeg2000_info(frame[start:])
    if frame[:4] == b"\xff\x4f\xff\x51":
        return _jpeg2000_info(frame)
    if frame[:2] == b"\xff\x0a" or frame[:12] == b"\0\0\0\x0cJXL \r\n\x87\n":
        raise ValueError("a JPEG XL stream, which is not supported")
    return None


def is_plain_lossless(frame: bytes) -> bool:
    """Whether a JPEG lossless stream has no restart intervals and no point transform.

    ITU-T T.81 B.2.4.4 and B.2.3.
    """
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
