"""Damaged copies of files: each follows from a seed and a number, so that it can be made again."""

import re
import struct
from collections.abc import Callable
from random import Random

# PS3.5 7.1: of these the length has 32 bits, behind two that are reserved.
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_VRS = (
    *(*_LONG, b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT"),
    *(b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US", b"ZZ"),
)
_PIXELS = b"\xe0\x7f\x10\x00"
_GROUP_28 = re.compile(rb"\x28\x00[\x00-\xff]{2}(US|DS|IS|CS)[\x00-\xff]{2}", re.DOTALL)
_ABSURD = (0, 1, 2, 3, 7, 8, 12, 13, 16, 31, 32, 255, 4096, 32767, 32768, 65535)
_LENGTHS = (0, 1, 3, 255, 65534, 65535, 2**31 - 1, 2**32 - 2, 2**32 - 1)
_NUMBERS = (b"1e999", b"-1", b"0", b"1\\2\\3", b"\xff\0", b"nan", b"1e308", b"0,1", b"-0", b"1_0")
_SYNTAXES = (
    *(b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2", b"1.2.3"),
    *(b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.4.50"),
    *(b"1.2.840.10008.1.2.4.70", b"1.2.840.10008.1.2.4.80", b"1.2.840.10008.1.2.4.90"),
)
_CELLS = (
    *(b"", b"0", b"-1", b"1e308", b"-1e308", b"1e-320", b"nan", b"inf", b"1_000", b"0x10", b"1,5"),
    *(b"NA", b"None", b"TRUE", b"\xd9\xa3", b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b'"', b'""', b"'"),
    *(b"\r", b"\n", b"\r\n", b"\x0b", b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8", b"../../etc", b"=1+1"),
    *(b"[[1, 2], [3, 4], [5, 6]]", b"[" * 500, b"{}", b"['a'", b"9" * 400, b"x" * 200_000),
    *(b"1 2; 3 4; 5 6", b"1 2; 1 2; 1 2", b"-1e308 0; 1e308 0; 0 1e308", b"(1, 2)"),
)
_LARGEST = 2**20  # bytes that a copy may grow to

Change = Callable[[bytearray, bytes, Random], bytes | bytearray]


def mutated(data: bytes, other: bytes, *, seed: int, number: int) -> bytes:
    """The damaged copy that seed and number stand for.

    Args:
        other: another file of the same kind, of which pieces are put in.
    """
    random = Random(f"{seed}/{number}")
    is_text = b"\0" not in data[:1024]
    changes = (*_OF_BYTES, *(_OF_TEXT if is_text else _OF_DICOM))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        data = bytes(random.choice(changes)(bytearray(data), other, random))[:_LARGEST]
    return data


def _flip(data: bytearray, other: bytes, random: Random) -> bytearray:
    for _ in range(random.randint(1, 8)):
        if data:
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return data


def _overwrite(data: bytearray, other: bytes, random: Random) -> bytearray:
    for _ in range(random.randint(1, 20)):
        if data:
            data[random.randrange(len(data))] = random.randrange(256)
    return data


def _cut(data: bytearray, other: bytes, random: Random) -> bytearray:
    return data[: random.randrange(len(data) + 1)]


def _delete(data: bytearray, other: bytes, random: Random) -> bytearray:
    start, stop = _piece(data, random)
    return data[:start] + data[stop:]


def _repeat(data: bytearray, other: bytes, random: Random) -> bytearray:
    start, stop = _piece(data, random)
    return data[:start] + data[start:stop] * random.randint(2, 50) + data[stop:]


def _splice(data: bytearray, other: bytes, random: Random) -> bytearray:
    start, stop = _piece(data, random)
    first, last = _piece(other, random)
    return data[:start] + other[first:last] + data[stop:]


def _piece(data: bytes | bytearray, random: Random) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(start + random.choice((1, 2, 8, 50, 200, 5000)), len(data))


_OF_BYTES: tuple[Change, ...] = (_flip, _overwrite, _cut, _delete, _repeat, _splice)


def _elements(data: bytes | bytearray) -> list[tuple[int, int, int]]:
    """Start, start of the value and end of the elements at the top, up to the first odd one."""
    at, found = 132 if data[128:132] == b"DICM" else 0, []
    while at + 12 <= len(data):
        vr = bytes(data[at + 4 : at + 6])
        if vr in _LONG:
            value, length = at + 12, struct.unpack_from("<I", data, at + 8)[0]
        elif vr in _VRS:
            value, length = at + 8, struct.unpack_from("<H", data, at + 6)[0]
        else:  # implicit
            value, length = at + 8, struct.unpack_from("<I", data, at + 4)[0]
        end = min(value + length, len(data))
        found.append((at, value, end))
        at = end
    return found


def _flip_header(data: bytearray, other: bytes, random: Random) -> bytearray:
    end = max(data.rfind(_PIXELS), 200)
    return _flip(data[:end], other, random) + data[end:]


def _length(data: bytearray, other: bytes, random: Random) -> bytearray:
    """Lying lengths of elements and items."""
    items = [match.start() for match in re.finditer(rb"\xfe\xff[\x00\x0d\xdd]\xe0", data)]
    heads = [
        (value - 4, 4) if data[at + 4 : at + 6] in _LONG else (value - 2, 2)
        for at, value, _ in _elements(data)
    ]
    heads += [(at + 4, 4) for at in items[:50]]
    for place, size in random.sample(heads, min(len(heads), random.randint(1, 3))):
        if place + size <= len(data):
            old = int.from_bytes(data[place : place + size], "little")
            new = random.choice((*_LENGTHS, old + 1, old + 2, max(old - 2, 0), 2 * old))
            data[place : place + size] = (new % 256**size).to_bytes(size, "little")
    return data


def _swap_tags(data: bytearray, other: bytes, random: Random) -> bytearray:
    found = _elements(data)
    if len(found) > 1:
        (one, *_), (two, *_) = random.sample(found, 2)
        data[one : one + 4], data[two : two + 4] = data[two : two + 4], data[one : one + 4]
    return data


def _of_elements(data: bytearray, other: bytes, random: Random) -> bytearray:
    """An element taken out, there twice, somewhere else, or one of another file."""
    found = _elements(data)
    if not found:
        return data
    at, _, end = random.choice(found)
    to = random.choice(found)[0]
    kind = random.randrange(4)
    if kind == 0:
        return data[:at] + data[end:]
    part = bytes(data[at:end])
    if kind == 1 and (theirs := _elements(other)):
        start, _, stop = random.choice(theirs)
        part = other[start:stop]
    return data[:to] + part * (random.randint(2, 30) if kind == 2 else 1) + data[to:]


def _representation(data: bytearray, other: bytes, random: Random) -> bytearray:
    found = _elements(data)
    for at, *_ in random.sample(found, min(len(found), 3)):
        data[at + 4 : at + 6] = random.choice(_VRS)
    return data


def _value(data: bytearray, other: bytes, random: Random) -> bytearray:
    """Absurd sizes, bits, spacings, windows and frames in group 0028."""
    found = list(_GROUP_28.finditer(bytes(data)))
    for match in random.sample(found, min(len(found), random.randint(1, 3))):
        size, value = struct.unpack_from("<H", data, match.end() - 2)[0], match.end()
        if match[1] == b"US":
            data[value : value + 2] = struct.pack("<H", random.choice(_ABSURD))
        elif 0 < size < 64:
            data[value : value + size] = random.choice(_NUMBERS).ljust(size)[:size]
    return data


def _syntax(data: bytearray, other: bytes, random: Random) -> bytearray:
    """Another transfer syntax, and the length of group 0002 left as it was."""
    at = data.find(b"\x02\x00\x10\x00UI")
    if at < 0:
        return _flip(data, other, random)
    (length,) = struct.unpack_from("<H", data, at + 6)
    value = random.choice(_SYNTAXES)
    value += b"\0" * (len(value) % 2)
    return data[: at + 6] + struct.pack("<H", len(value)) + value + data[at + 8 + length :]


def _nested(data: bytearray, other: bytes, random: Random) -> bytearray:
    """Sequences in sequences, or a sequence of very many empty items."""
    head = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    deep = (head + item) * random.choice((10, 200, 1000))
    if random.randrange(2):
        deep = head + struct.pack("<HHI", 0xFFFE, 0xE000, 0) * random.choice((10, 100, 3000))
    found = _elements(data)
    at = random.choice(found)[0] if found else 0
    return data[:at] + deep + data[at:]


_OF_DICOM: tuple[Change, ...] = (
    *(_flip_header, _length, _swap_tags, _of_elements, _representation, _value, _syntax),
    *(_length, _of_elements, _value, _nested),
)


def _cell(data: bytearray, other: bytes, random: Random) -> bytearray:
    """Another text between two separators."""
    places = [match.span() for match in re.finditer(rb"[^,;\t\n\r<>]+", data)]
    for start, stop in sorted(random.sample(places, min(len(places), 2)), reverse=True):
        data = data[:start] + random.choice(_CELLS) + data[stop:]
    return data


def _lines(data: bytearray, other: bytes, random: Random) -> bytearray:
    """A line taken out, there twice, elsewhere, or one of another file."""
    lines, theirs = data.splitlines(keepends=True), other.splitlines(keepends=True)
    if not lines:
        return data
    at, to = random.randrange(len(lines)), random.randrange(len(lines))
    kind = random.randrange(4)
    moved = random.choice(theirs) if kind == 3 and theirs else lines[at]
    if kind < 2:
        del lines[at]
    if kind > 0:
        lines.insert(to, bytearray(moved))
    return bytearray().join(lines)


def _separators(data: bytearray, other: bytes, random: Random) -> bytearray:
    old, new = random.sample((b",", b";", b"\t", b"\n", b"\r\n", b'"', b" ", b"."), 2)
    return data.replace(old, new, random.choice((1, 5, -1)))


def _cells_exchanged(data: bytearray, other: bytes, random: Random) -> bytearray:
    """Two cells of one line exchanged."""
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    cells = lines[at].split(b",")
    if len(cells) > 1:
        one, two = random.sample(range(len(cells)), 2)
        cells[one], cells[two] = cells[two], cells[one]
    lines[at] = bytearray(b",").join(cells)
    return bytearray(b"\n").join(lines)


_OF_TEXT: tuple[Change, ...] = (
    *(_cell, _cell, _cell, _lines, _separators, _cells_exchanged, _cells_exchanged),
)
