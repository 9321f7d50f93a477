"""Privacy canaries: unique strings wherever a hospital's files hold text, and the search for them.

    canaries = plant(folder)                  DICOM files, tables and names full of them
    found([RUN, store, mlflow], canaries)     where they came out; [] as it should be

Looked for are the strings, in any capitals and in two bytes a letter, and their hashes without a
key, in every byte of every file and in what files hold in compressed or encoded form.
"""

import base64
import gzip
import hashlib
import io
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import blosc2
import cv2
import numpy as np
import pyarrow.parquet as pq
from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.datadict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.tag import Tag

from pipeline.annotations.geometry import geometry_of
from pipeline.preprocess.store.entries import read_image
from pipeline.preprocess.tables import read_mammograms
from pipeline.run.code import ROOT
from pipeline.run.layout import RunFolder
from tests.fault_injection.child import in_child
from tests.fault_injection.fault import Place, expect, fault
from tests.fault_injection.small_set import (
    RUN,
    SPLITS,
    STAGES,
    film,
    set_up,
    stage,
    write_film,
)

_MARK = "ZQ7"
_NUMBERS = ("DA", "DS", "IS")  # kinds of text that must hold numbers
_TEXT = (
    *("AE", "AS", "CS", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"),
    *_NUMBERS,
)
# Where films have a label: beside the breast, and in the box around it that is kept.
_LABEL = np.s_[10:18, 84:102]
_OF_LUT = "LUTExplanation"
_PREDICTED = Path("predicted")
# What the reader goes by: each of these is odd in a file of its own, the others all in one file.
_ASKED_FOR = (
    *("Modality", "PhotometricInterpretation", "PresentationIntentType", "ViewPosition"),
    *("ImageLaterality", "Laterality", "PatientOrientation", "ImageType", "Manufacturer"),
    *("ManufacturerModelName", "BreastImplantPresent", "PixelSpacingCalibrationType"),
    *("VOILUTFunction", "WindowCenterWidthExplanation", "PresentationLUTShape", "SOPClassUID"),
    *("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"),
    *("EstimatedRadiographicMagnificationFactor", "WindowCenter", "WindowWidth", "RescaleSlope"),
    *("RescaleIntercept", "NumberOfFrames", "PatientID", "PatientBirthDate", "StudyInstanceUID"),
    *("SeriesInstanceUID", "SOPInstanceUID", "SpecificCharacterSet", _OF_LUT),
)
# Without them no window would ask for the texts that go with it.
_WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
_OF_THE_FILE = 0x0004  # groups up to it are none of an image
_CANARY = re.compile(_MARK.lower().encode() + rb"[a-z2-7]{9}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{64,}={0,2}")
_HASH = re.compile(rb"[0-9a-f]{16,}")
_HASHES = ("sha256", "sha1", "md5")


class _Made(list[str]):
    def new(self) -> str:
        """The next canary, of letters and digits that any text value may hold."""
        digest = hashlib.sha256(f"canary {len(self)}".encode()).digest()
        self.append(_MARK + base64.b32encode(digest).decode()[:9])
        return self[-1]


def plant(folder: Path) -> list[str]:
    """Write a hospital's folder: mammograms of eight women, odd and broken files, tables, links.

    Args:
        folder: is made; for what its own name is, see `root_name`.

    Returns:
        All that was planted.
    """
    made = _Made()
    root_name(made)
    split, findings = ["patient_id,split"], ["file,kind,finding_id,site,remark,row,col,radius"]
    for number, part in enumerate(SPLITS):
        woman, file = made.new(), f"{made.new()}/{made.new()}.dcm"
        pixels, is_abnormal = film(number), number % 2 == 0
        pixels[_LABEL] = 4000
        if is_abnormal:
            pixels[90:110, 30:50] = 3800
        film_file = write_film(_there(folder / file), pixels, woman)
        _fill(film_file, made, every=number == SPLITS.index("test"))
        split.append(f"{woman},{part}")
        kind, place = ("mass", "100,40,10") if is_abnormal else ("normal", ",,")
        findings.append(",".join((file, kind, made.new(), made.new(), made.new(), place)))
    for number, keyword in enumerate(_ASKED_FOR, len(SPLITS)):
        path = write_film(
            _there(folder / made.new() / f"{made.new()}.dcm"), film(number), made.new()
        )
        _put(path, _WINDOW | ({keyword: made.new()} if keyword != _OF_LUT else _lut(made)))
    _broken_files(folder, made)
    (folder / f"{made.new()}_split.csv").write_text(f"{made.new()},train\n")
    (folder / f"{made.new()}.{made.new()}").write_text(made.new())
    (folder / f"{made.new()}.dcm").symlink_to(f"nowhere/{made.new()}.dcm")
    (folder / made.new()).symlink_to(folder.parent, target_is_directory=True)
    (folder / "findings.csv").write_text("\n".join(findings) + "\n", encoding="utf-8")
    (folder / "split.csv").write_text("\n".join([*split, f"{made.new()},test"]) + "\n")
    return made


def root_name(made: _Made | None = None) -> str:
    """The first canary, which may be the name of the folder itself."""
    return (_Made() if made is None else made).new()


def _there(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _broken_files(folder: Path, made: _Made) -> None:
    """One that ends in its header, one with a kind of value that does not exist."""
    path, view = write_film(folder / f"{made.new()}.dcm", film(98), made.new()), made.new()
    _put(path, {"Manufacturer": made.new(), "ViewPosition": view})
    whole = path.read_bytes()
    at = whole.index(view.encode())  # kind and length stand before it
    (folder / f"{made.new()}.dcm").write_bytes(whole[: at - 2])
    path.write_bytes(whole[: at - 4] + b"ZZ" + whole[at - 2 :])


def _fill(path: Path, made: _Made, *, every: bool) -> None:
    """Canaries in preamble and group 0002, names, sequences, private elements, overlay and icon.

    Args:
        every: also in every text attribute that DICOM has and the reader does not ask for.
    """
    values: dict = {"PatientName": f"{made.new()}^{made.new()}", "InstitutionName": made.new()}
    if every:
        values |= {k: made.new() for k in _text_keywords() if k not in (*_ASKED_FOR, *values)}
    code = {"CodeValue": made.new(), "CodeMeaning": made.new(), "CodingSchemeDesignator": "SCT"}
    for keyword in ("ViewCodeSequence", "AnatomicRegionSequence", "ProcedureCodeSequence"):
        values[keyword] = [_item(code)]
    inner = _item({"RequestedProcedureDescription": made.new()})
    values["RequestAttributesSequence"] = [_item({"ReferencedStudySequence": [inner]})]
    icon = {"Rows": 2, "Columns": 6, "BitsAllocated": 8, "PixelData": made.new().encode()}
    values["IconImageSequence"] = [_item(icon)]
    _put(path, values, made)


def _text_keywords() -> list[str]:
    return [
        keyword
        for tag, (vr, *_, keyword) in DicomDictionary.items()
        if vr in _TEXT and keyword and tag >> 16 > _OF_THE_FILE
    ]


def _item(values: dict) -> Dataset:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _lut(made: _Made) -> dict:
    table = {"LUTDescriptor": [4096, 0, 12], "LUTData": np.arange(4096, dtype="<u2").tobytes()}
    return {"VOILUTSequence": [_item({**table, _OF_LUT: made.new()})]}


def _put(path: Path, values: dict, made: _Made | None = None) -> None:
    """Set values in a DICOM file, whatever DICOM says of them; with `made` the nameless, too."""
    dataset = dcmread(path)
    kinds = {}
    with disable_value_validation():
        for keyword, value in values.items():
            tag = Tag(keyword)
            kind = DicomDictionary[tag][0]
            if kind in _NUMBERS and isinstance(value, str):  # of letters: pydicom would not take it
                kinds[value], kind = kind, "LO"
            dataset[tag] = DataElement(tag, kind, value)
        if made is not None:
            _fill_nameless(dataset, made)
        dataset.save_as(path, enforce_file_format=made is None)
    content = path.read_bytes()
    for value, kind in kinds.items():
        length = len(value).to_bytes(2, "little")
        written = length + value.encode()
        content = content.replace(b"LO" + written, kind.encode() + written)
    path.write_bytes(content)


def _fill_nameless(dataset: FileDataset, made: _Made) -> None:
    dataset.preamble = made.new().encode().ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = made.new()
    dataset.file_meta.ImplementationVersionName = made.new()
    block = dataset.private_block(0x0011, made.new(), create=True)
    for number, kind in enumerate(("LO", "UT", "PN", "UN", "OB")):
        text = made.new()
        block.add_new(number, kind, text.encode() if kind in ("UN", "OB") else text)
    block.add_new(9, "SQ", [_item({"PatientComments": made.new()})])
    for element, kind, value in (
        *((0x0010, "US", 8), (0x0011, "US", 12), (0x0022, "LO", made.new())),
        *((0x0040, "CS", "G"), (0x0050, "SS", [1, 1]), (0x0100, "US", 1), (0x0102, "US", 0)),
        *((0x1500, "LO", made.new()), (0x3000, "OW", made.new().encode())),
    ):
        dataset.add_new((0x6000, element), kind, value)


def found(folders: Iterable[Path], canaries: Iterable[str]) -> list[str]:
    """Where canaries came out: `file: canary`, each once.

    Args:
        folders: folders and files; names count, too.
    """
    known = {form: text for text in canaries for form in _forms(text)}
    places = set()
    for folder in folders:
        below = (Path(at) / n for at, *names in os.walk(folder) for part in names for n in part)
        for path in (folder, *below):
            inside = path.read_bytes() if path.is_file() else b""
            inside += str(path.readlink()).encode() if path.is_symlink() else b""
            for part in (str(path.relative_to(folder.parent)).encode(), *_parts(path, inside)):
                lower = part.lower()
                for text in (lower, lower.replace(b"\0", b"")):
                    hits = {*_CANARY.findall(text), *(h[:16] for h in _HASH.findall(text))}
                    places |= {f"{path}: {known[hit]}" for hit in hits if hit in known}
    return sorted(places)


def _forms(text: str) -> Iterator[bytes]:
    """A canary as it is written, and its hashes without a key."""
    yield text.lower().encode()
    for name in _HASHES:
        yield hashlib.new(name, text.encode()).hexdigest()[:16].encode()


def _parts(path: Path, content: bytes) -> Iterator[bytes]:
    """The bytes of a file, and those that it holds compressed or encoded."""
    yield content
    if content[:2] == b"\x1f\x8b":
        yield from _parts(path, gzip.decompress(content))
    elif content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from _parts(path, archive.read(name))
    elif content[:4] == b"PAR1":
        yield pq.read_table(io.BytesIO(content)).to_pandas().to_csv().encode()
    elif content[:15] == b"SQLite format 3":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            yield "\n".join(database.iterdump()).encode()
    elif path.suffix == ".b2nd":
        yield blosc2.open(str(path), mode="r")[:].tobytes()
    elif content[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0"):
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        yield b"" if picture is None else picture.tobytes()
    for text in _BASE64.findall(content):
        try:
            yield from _parts(path, base64.b64decode(text + b"=" * (-len(text) % 4)))
        except ValueError:
            continue


@fault("privacy canaries")
def privacy_canaries(place: Place) -> str:
    """Nothing of a hospital's texts and names is in a run, the store, MLflow or a prediction.

    In exported DICOM objects the Patient ID alone, which links them to their mammograms.
    """
    canaries = plant(place.folder / "data" / root_name())
    set_up(more=f"data.root=data/{root_name()} data.pseudonyms=true")
    for name in STAGES:
        ended = stage(name)
        expect(not ended.status, f"make {name} ended with {ended.status}: {ended.text}")
    for what, work in (("track", _track), ("export-dicom", _export), ("predict", _predict)):
        ended = in_child(work)
        expect(not ended.status, f"make {what}: {ended.text}")
    out = found([Path("runs"), Path("data/store"), _PREDICTED], canaries)
    links = {dcmread(path).PatientID for path in RUN.dicom.rglob("*.dcm")}
    expect(links, "nothing was exported")
    out = [each for each in out if not (f"{RUN.dicom}/" in each and each.split()[-1] in links)]
    expect(not out, f"{len(out)} found: {'; '.join(out[:5])}")
    expect(not labels_shown(RUN), f"labels of films are seen on {labels_shown(RUN)}")
    return f"0 of {len(canaries)} canaries found"


def labels_shown(run: RunFolder) -> list[str]:
    """The mammograms in whose stored image, of which all pictures are made, the label is seen."""
    shown = []
    for mammogram in read_mammograms(run).to_dict("records"):
        rows, cols = (np.arange(part.start, part.stop) for part in _LABEL)
        rows, cols = geometry_of(mammogram).to_standard(rows, cols)
        image = read_image(mammogram["store"])
        inside = [
            np.unique(np.rint(at[(at >= 0) & (at < size - 1)])).astype(int)
            for at, size in zip((rows, cols), image.shape, strict=True)
        ]
        if image[np.ix_(*inside)].any():
            shown.append(mammogram["image_id"])
    return shown


def _export() -> None:
    from pipeline.dicom_out.exported_run import export_dicom

    print(export_dicom(RUN, identified=False))


def _predict() -> None:
    Path("configs").symlink_to(ROOT / "configs")
    script = str(ROOT / "scripts" / "predict.py")
    words = ["--input", f"data/{root_name()}", "--run", str(RUN.root), "--out", str(_PREDICTED)]
    subprocess.run([sys.executable, script, *words], check=True)


def _track() -> None:
    from pipeline.tracking.client import quiet_environment

    quiet_environment()
    from pipeline.tracking.upload import upload

    upload(RUN)
