"""Damaged copies of DICOM files, each by its number, so that any of them can be made again."""

import struct

import numpy as np

_SIZES = {  # of group 0028, all US in explicit files
    "SamplesPerPixel": 0x0002,
    "Rows": 0x0010,
    "Columns": 0x0011,
    "BitsAllocated": 0x0100,
    "BitsStored": 0x0101,
    "HighBit": 0x0102,
    "PixelRepresentation": 0x0103,
    "PixelPaddingValue": 0x0120,
}
_ABSURD = (0, 1, 2, 3, 7, 8, 12, 13, 16, 31, 32, 255, 4096, 32768, 65535)
_VRS = b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV".split()
_SYNTAXES = (
    b"1.2.840.10008.1.2",
    b"1.2.840.10008.1.2.1",
    b"1.2.840.10008.1.2.2",
    b"1.2.840.10008.1.2.1.99",
    b"1.2.840.10008.1.2.4.50",
    b"1.2.840.10008.1.2.4.70",
    b"1.2.840.10008.1.2.4.90",
    b"1.2.840.10008.1.2.5",
    b"1.2.3",
)


def mutated(data: bytes, number: int) -> bytes:
    """The copy of a file that `number` stands for."""
    random = np.random.default_rng(number)
    change = (_cut, _flip, _flip_header, _number, _window, _vr, _syntax, _drop, _repeat)
    return change[number % len(change)](bytearray(data), random)


def _cut(data: bytearray, random) -> bytes:
    return bytes(data[: random.integers(len(data))])


def _flip(data: bytearray, random, end: int | None = None) -> bytes:
    for position in random.integers(0, end or len(data), random.integers(1, 20)):
        data[position] = random.integers(256)
    return bytes(data)


def _flip_header(data: bytearray, random) -> bytes:
    return _flip(data, random, end=max(data.rfind(b"\xe0\x7f\x10\x00"), 200))


def _number(data: bytearray, random) -> bytes:
    """Absurd sizes and bits."""
    for element in random.choice(list(_SIZES.values()), 2, replace=False):
        at = data.find(struct.pack("<HH", 0x0028, element))
        if at >= 0:
            data[at + 8 : at + 10] = struct.pack("<H", random.choice(_ABSURD))
    return bytes(data)


def _window(data: bytearray, random) -> bytes:
    """Rubbish in the text of spacing, rescaling, window and number of frames."""
    for element in (0x0008, 0x0030, 0x1050, 0x1051, 0x1052, 0x1053):
        at = data.find(struct.pack("<HH", 0x0028, element))
        length = struct.unpack_from("<H", data, at + 6)[0] if at >= 0 else 0
        if 0 < length < 64 and random.integers(2):
            text = random.choice([b"1e999", b"-1", b"0", b"1\\2\\3", b"\xff\0", b"nan", b"1e308"])
            data[at + 8 : at + 8 + length] = text.ljust(length)[:length]
    return bytes(data)


def _vr(data: bytearray, random) -> bytes:
    """Another value representation for some elements."""
    found = [i for vr in (b"US", b"DS", b"CS", b"SQ", b"OW") for i in _places(data, vr)]
    for at in random.choice(found, min(len(found), 3), replace=False) if found else ():
        data[at : at + 2] = random.choice(_VRS)
    return bytes(data)


def _syntax(data: bytearray, random) -> bytes:
    """Another transfer syntax, and the length of group 0002 left as it was."""
    at = data.find(b"\x02\x00\x10\x00UI")
    if at < 0:
        return _flip(data, random)
    (length,) = struct.unpack_from("<H", data, at + 6)
    value = bytes(random.choice(_SYNTAXES))
    value += b"\0" * (len(value) % 2)
    data[at + 6 : at + 8 + length] = struct.pack("<H", len(value)) + value
    return bytes(data)


def _drop(data: bytearray, random) -> bytes:
    start = random.integers(len(data))
    del data[start : start + random.integers(1, 200)]
    return bytes(data)


def _repeat(data: bytearray, random) -> bytes:
    start = random.integers(len(data))
    part = data[start : start + random.integers(1, 200)]
    return bytes(data[:start] + part * random.integers(1, 50) + data[start:])


def _places(data: bytearray, text: bytes) -> list[int]:
    places, at = [], data.find(text)
    while at >= 0 and len(places) < 50:
        places.append(at)
        at = data.find(text, at + 1)
    return places
