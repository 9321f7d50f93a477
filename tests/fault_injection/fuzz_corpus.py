"""The whole files of which damaged copies are made: DICOM files, and small data sets with tables.

FOLDER/dicom/         single DICOM files: of every transfer syntax, a mammogram of the phantom,
                      and the smaller ones of a folder of the user's
FOLDER/<importer>/    a small data set each, in the form that the importer expects
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from pipeline.dicom.readable_syntaxes import SAMPLES, write_sample
from pipeline.dicom.write_synthetic import write_synthetic
from pipeline.ingest.examples import MODULES, build_example

LARGEST_BYTES = 24 * 2**10  # of a file that copies are made of; small ones are quick
SINGLE = "dicom"
# Files of the data sets of which copies are made, by suffix: text first, then pictures.
TEXT = (".csv", ".xml", ".ics", ".overlay", ".txt")
PICTURES = (".dcm", ".dicom", ".png", ".tif", ".pgm")
_COARSE_MM = 0.4
_PATIENTS = {"cbis_ddsm": 6}  # one for each of its traps
_FINDINGS = """file,kind,pathology,geometry,row,col,radius,row0,col0,row1,col1,polygon,mask,complete
w1/a.dcm,mass,malignant,circle,20,30,6.5,,,,,,,
w1/b.dcm,mass,benign,box,,,,10,12,30,40,,,no
w2/a.dcm,calcification,benign,polygon,,,,,,,,10 20; 12 35; 31 24,,
w2/a.dcm,calcification,benign,polygon,,,,,,,,"[[10, 20], [12, 35], [31, 24], [9, 9]]",,
w2/b.dcm,mass,malignant,,,,,,,,,,mask.png,
w3/a.dcm,normal,,,,,,,,,,,,
"""
_SPLIT = "patient_id,split\nSYNTHETIC-0001,test\nSYNTHETIC-0002,train\nSYNTHETIC-0003,validation\n"
_INFO = """MIAS MiniMammographic Database

mdb001 G CIRC B 535 425 197
mdb002 G CIRC B 522 280 69
mdb003 D NORM
mdb004 D CALC M *NOTE 3*
"""


def build_corpus(
    folder: Path, given: Path | None = None, *, examples: Iterable[str] = tuple(MODULES)
) -> None:
    """Write the corpus below a folder that is empty or absent.

    Args:
        given: DICOM files, of which the smaller ones are taken as well; they stay where they are.
        examples: the example trees to write, by importer.
    """
    single = folder / SINGLE
    single.mkdir(parents=True)
    for encoding, bits, _ in SAMPLES:
        write_sample(single / f"{encoding.syntax}.dcm", encoding, bits)
    _write_mammogram(single / "phantom.dcm", 1)
    for path in sorted(given.iterdir()) if given else ():
        if path.is_file() and path.stat().st_size <= LARGEST_BYTES:
            shutil.copyfile(path, single / path.name)
    _write_findings(folder / "findings")
    _write_mias(folder / "mias")
    _write_pictures(folder / "pictures")
    for name in examples:
        patients = _PATIENTS.get(name, 2)
        build_example(name, folder / name, patients=patients, spacing_mm=_COARSE_MM, seed=1)


def samples(folder: Path) -> list[tuple[str, list[str]]]:
    """The files of which copies are made: names below the folder of a set, the set first."""
    found = []
    for tree in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = [path for path in sorted(tree.rglob("*")) if path.is_file()]
        small = [path for path in files if 0 < path.stat().st_size <= LARGEST_BYTES]
        kinds = (*TEXT, *PICTURES)
        wanted = [p for p in small if tree.name == SINGLE or _takes_part(p, kinds)]
        found.append((tree.name, [path.relative_to(tree).as_posix() for path in wanted]))
    return found


def _takes_part(path: Path, kinds: tuple[str, ...]) -> bool:
    return path.suffix.lower() in kinds and path.stem != "SYNTHETIC" and path.name[0] != "."


def _write_findings(root: Path) -> None:
    for number in (1, 2, 3):
        (root / f"w{number}").mkdir(parents=True)
        for name in ("a", "b"):
            _write_mammogram(root / f"w{number}" / f"{name}.dcm", number)
    cv2.imwrite(
        str(root / "mask.png"), cv2.circle(np.zeros((64, 48), np.uint8), (20, 30), 8, 1, -1)
    )
    (root / "findings.csv").write_text(_FINDINGS, encoding="utf-8")
    (root / "split.csv").write_text(_SPLIT, encoding="utf-8")


def _write_mammogram(path: Path, number: int) -> None:
    """A bright half disc at the left edge, with a little noise: what passes for a breast."""
    rows, cols = np.mgrid[:64, :48]
    breast = np.hypot(rows - 32, cols) < 30
    noise = np.random.default_rng(number).integers(0, 200, breast.shape)
    pixels = (np.where(breast, 2400 - 20 * cols, 40) + noise).astype(np.uint16)
    patient_id = f"SYNTHETIC-{number:04d}"
    write_synthetic(path, pixels, patient_id=patient_id, laterality="L", view="CC", spacing_mm=1.0)


def _write_mias(root: Path) -> None:
    root.mkdir()
    (root / "Info.txt").write_text(_INFO, encoding="utf-8")
    for name in ("mdb001.png", "mdb002.png"):
        cv2.imwrite(str(root / name), np.full((1024, 1024), 7, np.uint8))


def _write_pictures(root: Path) -> None:
    (root / "woman").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 4096, (64, 48)).astype(np.uint16)
    for name in ("l_cc.png", "l_mlo.tif", "r_cc.pgm"):
        cv2.imwrite(str(root / "woman" / name), picture)
    lines = "file,kind,row,col,radius\nwoman/l_cc.png,mass,20,20,5\nwoman/l_mlo.tif,normal,,,\n"
    (root / "findings.csv").write_text(lines, encoding="utf-8")
