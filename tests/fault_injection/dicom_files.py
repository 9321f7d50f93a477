"""Input that is broken or made to harm: it costs its own file, by name, and the others are used."""

import io
import struct
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from pipeline.dicom.write import wrap_as_dicom
from pipeline.ingest.picture_files import read_picture
from pipeline.run.csv_tables import read_text_table
from pipeline.run.map_images import Lost, map_images
from pipeline.run.stage import peak_memory_mib, run_stage
from tests.fault_injection.child import in_child
from tests.fault_injection.fault import Place, expect, fault
from tests.fault_injection.misbehaving import misbehave
from tests.fault_injection.small_set import RUN, film, set_up, write_film, write_films

_VIEW_CODES = b"\x54\x00\x20\x02SQ\0\0"  # (0054,0220), which is read of every file
_UNDEFINED = b"\xff\xff\xff\xff"
_IN_THIS_PROCESS = "dicom.workers=0"  # what bears no harm to it needs no worker
_ITEM = b"\xfe\xff\x00\xe0"


def ends_of(files: Mapping[str, bytes], *, more: str = "") -> dict[str, dict[str, str]]:
    """Rows of intake.csv of these files after ingest and preprocess, beside films that are whole.

    Raises:
        NotSurvived: a stage failed, a film was not used, or a file is not named with a reason.
    """
    films = write_films(Path("data/films"))
    used = {path.name for path in films.glob("*.dcm")}
    for name, content in files.items():
        (films / name).write_bytes(content)
    set_up(more=f"dicom.decode_seconds=8 dicom.decode_mib=1024 {more}")
    for name in ("ingest", "preprocess"):
        ended = in_child(partial(run_stage, name, RUN.root))
        expect(ended.status == 0, f"{name} ended with {ended.status}: {ended.text[-800:]}")
    rows = {row["file"]: row for _, row in read_text_table(RUN.intake).rows}
    lost = sorted(name for name in used - files.keys() if rows[name]["status"] != "used")
    expect(not lost, f"lost: {', '.join(lost)}")
    for name in files:
        expect(name in rows, f"{name} is in no row of intake.csv")
        told = rows[name]["status"] in ("used", "skipped", "failed") and (
            rows[name]["status"] == "used" or rows[name]["reason"]
        )
        expect(told, f"{name}: {rows[name]}")
    return rows


def plain_film(syntax=ExplicitVRLittleEndian, *, number=99, **values) -> bytes:
    """A film as DICOM without compression; `values` replace what its header says."""
    wrapped = Path("film.dcm")
    pixels = film(number)
    write_film(wrapped, pixels, f"w{number}")
    dataset = dcmread(wrapped)
    wrapped.unlink()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    with disable_value_validation():
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        stream = io.BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _in_front_of_pixels(content: bytes, elements: bytes) -> bytes:
    at = content.rindex(b"\xe0\x7f\x10\x00OW")
    return content[:at] + elements + content[at:]


@fault("DICOM cut at 100 B, 140 B, in the header, 10 B before the end", quick=True)
def _cut_files(place: Place) -> str:
    whole = plain_film()
    pixels = whole.rindex(b"\xe0\x7f\x10\x00OW")
    cuts = {"100": 100, "140": 140, "header": pixels // 2, "pixels": pixels, "end": len(whole) - 10}
    files = {f"cut-{name}.dcm": whole[:at] for name, at in cuts.items()}
    rows = ends_of(files, more=_IN_THIS_PROCESS)
    ends = {name: rows[f"cut-{name}.dcm"]["status"] for name in cuts}
    expect(set(ends.values()) == {"failed"}, f"counted as {ends}")
    return "each counts as lost, by name; the others are used"


@fault("lying headers")
def _lies(place: Place) -> str:
    lies: dict[str, dict] = {
        "rows": {"Rows": 60000, "Columns": 60000},
        "no-rows": {"Rows": 0},
        "more-rows": {"Rows": 4000},
        "bits": {"BitsAllocated": 13},
        "stored": {"BitsStored": 0},
        "high": {"HighBit": 200},
        "samples": {"SamplesPerPixel": 3},
        "frames": {"NumberOfFrames": 10**6},
        "spacing": {"ImagerPixelSpacing": [0, 0], "PixelSpacing": [0, 0]},
        "photometric": {"PhotometricInterpretation": "MONOCHROME9"},
        "window": {"WindowCenter": 1, "WindowWidth": -5},
        "slope": {"RescaleSlope": 0, "RescaleIntercept": 0},
        "signed": {"PixelRepresentation": 7},
        "modality": {"Modality": "MG\\CT\\US"},
    }
    rows = ends_of({f"{name}.dcm": plain_film(**values) for name, values in lies.items()})
    ends = [rows[f"{name}.dcm"] for name in lies]
    copies = [end["file"] for end in ends if end["reason"].startswith("a copy")]
    expect(not copies, f"lost as copies of what cannot be read: {copies}")
    failed = sum(end["status"] == "failed" for end in ends)
    return f"{len(lies)} files, {failed} of them lost, by name; the others are used"


def _inflating(mib: int) -> bytes:
    """A deflated film, behind whose pixels zeros follow that take no room."""
    content = plain_film(DeflatedExplicitVRLittleEndian)
    length = struct.unpack("<I", content[140:144])[0]  # of group 0002
    meta, body = content[: 144 + length], zlib.decompress(content[144 + length :], -15)
    body = body[: body.rindex(b"\xe0\x7f\x10\x00OW")]
    body += b"\xe0\x7f\x10\x00OW\0\0" + struct.pack("<I", mib * 2**20)
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    zeros = bytes(2**20)
    parts = [deflate.compress(body), *(deflate.compress(zeros) for _ in range(mib))]
    return meta + b"".join(parts) + deflate.flush()


@fault("inflation, nesting and item bombs; pictures of absurd sizes")
def _bombs(place: Place) -> str:
    deep, many = 20_000, 1_000_000
    whole = plain_film()
    nested = (_VIEW_CODES + _UNDEFINED + _ITEM + _UNDEFINED) * deep
    items = _VIEW_CODES + struct.pack("<I", 8 * many) + (_ITEM + bytes(4)) * many
    files = {
        "inflates.dcm": _inflating(1500),
        "nested.dcm": _in_front_of_pixels(whole, nested),
        "items.dcm": _in_front_of_pixels(whole, items),
    }
    rows = ends_of(files)
    ends = {name: rows[name]["status"] for name in files}
    expect(set(ends.values()) == {"failed"}, f"counted as {ends}")
    picture = Path("large.png")
    size = struct.pack(">II", 50_000, 50_000) + b"\x10\0\0\0\0"
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + size
    picture.write_bytes(head + struct.pack(">I", zlib.crc32(b"IHDR" + size)) + bytes(100))
    try:
        read_picture(picture)
        expect(False, "a picture of 50,000 x 50,000 was read")
    except ValueError:
        pass
    return f"each costs its own file; peak memory of a process {peak_memory_mib():.0f} MiB"


@fault("a worker that crashes, is killed, hangs or takes all memory")  # tests/run tries it, too
def _workers(place: Place) -> str:
    kinds = ["a", "crashes", "b", "killed", "c", "stuck", "d", "greedy", "e"]
    ends = list(map_images(misbehave, kinds, workers=2, seconds=2, mib=512))
    lost = [kind for kind, end in zip(kinds, ends, strict=True) if isinstance(end, Lost)]
    expect(lost == ["crashes", "killed", "stuck"], f"lost: {lost}")
    expect(ends[7] == "no memory" and ends[::2] == kinds[::2], f"ends: {ends}")
    return "each costs its own item, with the reason"


@fault("non-images", quick=True)
def _non_images(place: Place) -> str:
    report = plain_film(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", Modality="SR")
    files = {
        "empty.dcm": b"",
        "zeros.dcm": bytes(5000),
        "page.dcm": b"<html>404 Not Found</html>" * 20,
        "archive.zip": b"PK\3\4" + bytes(300),
        "letter.pdf": b"%PDF-1.7 " + bytes(300),
        "program": b"\x7fELF" + bytes(300),
        "picture.dcm": b"\x89PNG\r\n\x1a\n" + bytes(300),
        "table.csv": b"a,b\n1,2\n",
        "report.dcm": report,
    }
    rows = ends_of(files, more=_IN_THIS_PROCESS)
    used = [name for name in files if rows[name]["status"] == "used"]
    expect(not used, f"used as mammograms: {used}")
    return f"{len(files)} of {len(files)} named with a reason"


@fault("constant, black and tiny images", quick=True)
def _flat(place: Place) -> str:
    images = {
        "black": np.zeros((220, 160), np.uint16),
        "constant": np.full((220, 160), 2000, np.uint16),
        "white": np.full((220, 160), 4095, np.uint16),
        "tiny": film(1)[:3, :3],
    }
    files = {}
    for name, pixels in images.items():
        path = Path(f"{name}.dcm")
        names = {"image_id": name, "patient_id": name, "laterality": "L", "view": "CC"}
        wrap_as_dicom(pixels, path, **names, spacing_mm=0.8)
        files[path.name] = path.read_bytes()
        path.unlink()
    rows = ends_of(files, more=_IN_THIS_PROCESS)
    ends = {name: rows[name]["status"] for name in files}
    expect(set(ends.values()) == {"failed"}, f"counted as {ends}")
    return "each counts as lost, with the reason"


@fault("duplicate SOP Instance UIDs", quick=True)
def _twice(place: Place) -> str:
    one = plain_film()
    other = plain_film(PixelData=film(98).tobytes())
    files = {"first.dcm": one, "same.dcm": one, "other.dcm": other}
    rows = ends_of(files, more=_IN_THIS_PROCESS)
    ends = {name: rows[name]["status"] for name in ("first.dcm", "same.dcm", "other.dcm")}
    expect(set(ends.values()) <= {"used", "skipped", "failed"}, f"{ends}")
    return f"each has its row: {', '.join(f'{name} {end}' for name, end in ends.items())}"
