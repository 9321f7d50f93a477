"""Damaged files through the reader and the importers: none of them may end a run.

A file ends as it does in a run: read, or refused in the product's own words. Anything else is a
crash: another error, a dead or endless worker, values out of range, an image file that stops the
ingest of the others, a catalog that is not read back as it was written. Copies are made, and
tried, in the bounded workers that read the files of a run.
"""

import contextlib
import io
import logging
import resource
import shutil
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from pipeline.annotations.findings import image_outlines
from pipeline.annotations.labels import LabelRule, label_points
from pipeline.annotations.masks import NoOutline, mask_polygons
from pipeline.config import (
    DataSettings,
    DicomSettings,
    ImageSettings,
    LabelSettings,
    PhantomSettings,
)
from pipeline.dicom.file_format import damage_of, is_dicom
from pipeline.dicom.header import read_header
from pipeline.dicom.mammogram import Unusable, read_mammogram
from pipeline.ingest.catalog import read_catalog, write_catalog
from pipeline.ingest.importers import Request
from pipeline.ingest.read_data_set import read_data_set
from pipeline.ingest.source_files import list_files
from pipeline.pages.template import render_markdown
from pipeline.preprocess.intake.thumbnails import let_through, plain_thumbnail
from pipeline.preprocess.store.standardise import standardise
from pipeline.run.atomic import read_json, write_json
from pipeline.run.errors import UserError
from pipeline.run.hardware import hardware
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import Lost, map_images
from pipeline.run.progress import shown
from pipeline.run.words import aligned
from tests.fault_injection.fuzz_corpus import PICTURES, SINGLE, TEXT, build_corpus, samples
from tests.fault_injection.mutations import mutated

_PAGE = Path(__file__).parent / "fuzzing.md"
READ, REFUSED, LOST, CRASHED = "read", "refused", "lost", "crashed"
# Of the copies, the share that single files are; the others are of data sets, which take longer.
_SINGLE_SHARE = 0.85
_SECONDS = 20  # of the processor for one copy; a batch may take many times as long, under load
_BATCH = 200
_SETTINGS = let_through(DicomSettings(frames="middle", max_megapixels=20))
_IMPORTERS = {"findings": "dicom", "pictures": "ddsm"}  # of the others the set's own
_SHAPE, _SPACING_MM = (300, 240), 0.2  # of the images that outlines of the tables lie on


@dataclass(frozen=True)
class Batch:
    """Copies to try, one after the other, in one worker."""

    corpus: Path
    work: Path  # for files of the workers
    seed: int
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Crash:
    """A copy that did not end as it should, and how to make it again."""

    number: int
    file: str  # of the corpus
    error: str


@dataclass
class Tally:
    """How the copies ended."""

    ends: dict[str, Counter] = field(default_factory=lambda: defaultdict(Counter))  # by set
    crashes: list[Crash] = field(default_factory=list)
    peak_mib: float = 0.0

    def add(self, other: "Tally") -> None:
        for name, ends in other.ends.items():
            self.ends[name].update(ends)
        self.crashes += other.crashes
        self.peak_mib = max(self.peak_mib, other.peak_mib)

    @classmethod
    def of(cls, figures: Mapping) -> "Tally":
        """What `figures` were made of, without what crashed."""
        tally = cls()
        for name, ends in figures["sets"].items():
            tally.ends[name].update({end: n for end, n in ends.items() if end != CRASHED})
        return replace(tally, peak_mib=figures["peak_mib"])

    def figures(self) -> dict:
        """For fuzz.json."""
        return {
            "files": sum(ends.total() for ends in self.ends.values()),
            "crashes": [asdict(crash) for crash in self.crashes],
            "sets": {name: dict(sorted(ends.items())) for name, ends in sorted(self.ends.items())},
            "peak_mib": round(self.peak_mib),
        }


def fuzz(
    *,
    files: int,
    seed: int,
    folder: Path,
    given: Path | None = None,
    workers: int | None = None,
) -> dict:
    """Try damaged copies and write FOLDER/fuzz.json; the copies that crashed lie beside it.

    What was broken off goes on where it stopped, and what crashed is tried again.

    Args:
        files: number of copies.
        seed: of the damage.
        given: DICOM files, of which copies are made besides those of the phantom.
        workers: processes; all cores if absent.

    Returns:
        The content of fuzz.json.
    """
    about: dict = {
        "seed": seed,
        "given": given is not None,
        "bound_mib": DicomSettings().decode_mib,
        "date": date.today().isoformat(),
        "hardware": hardware(),
    }
    before = read_json(folder / "fuzz.json") or {}
    crashed = [crash["number"] for crash in before.get("crashes", [])]
    same = before.items() >= {n: about[n] for n in about if n != "date"}.items()
    if same and (before["files"] < files or crashed):
        tally = Tally.of(before)
    else:
        before, crashed, tally = {}, [], Tally()
    done, result = before.get("files", 0), before
    began = time.monotonic() - 60 * before.get("minutes", 0.0)
    with tempfile.TemporaryDirectory() as temporary:
        corpus, work = Path(temporary, "corpus"), Path(temporary, "work")
        build_corpus(corpus, given)
        parts = [range(first, min(first + _BATCH, files)) for first in range(done, files, _BATCH)]
        numbers = [*((number,) for number in crashed), *map(tuple, parts)]
        batches = [Batch(corpus, work, seed, each) for each in numbers]
        for each in shown(_tried(batches, workers), len(batches), "batches of damaged files"):
            tally.add(each)
            for crash in each.crashes:
                _keep(crash, corpus, seed, folder)
            # After each, so that a run that is broken off leaves its figures.
            result = {**about, **tally.figures(), "minutes": _minutes(began)}
            write_json(folder / "fuzz.json", result)
    return result


def _minutes(began: float) -> float:
    return round((time.monotonic() - began) / 60, 1)


def _tried(batches: list[Batch], workers: int | None) -> Iterator[Tally]:
    """The tally of each batch; one that a worker did not survive is tried copy by copy."""
    limits = DicomSettings()
    for batch, end in zip(batches, _mapped(batches, workers, _BATCH * _SECONDS), strict=True):
        if not isinstance(end, Lost):
            yield end
            continue
        tally = Tally()
        alone = [Batch(batch.corpus, batch.work, batch.seed, (n,)) for n in batch.numbers]
        ends = _mapped(alone, workers, limits.decode_seconds)
        for one, of_one in zip(alone, ends, strict=True):
            tally.add(_lost(one, of_one.reason) if isinstance(of_one, Lost) else of_one)
        if not (tally.crashes or tally.ends[SINGLE][LOST]):  # together only
            tally.crashes.append(Crash(batch.numbers[0], "a batch as a whole", end.reason))
        yield tally


def _mapped(batches: list[Batch], workers: int | None, seconds: float) -> Iterator[Tally | Lost]:
    mib = DicomSettings().decode_mib
    return map_images(try_batch, batches, workers=workers, seconds=seconds, mib=mib)


def _lost(batch: Batch, reason: str) -> Tally:
    """Of a copy that its worker did not survive: a run loses a DICOM file so, by name."""
    name, file = _sample(batch.corpus, batch.seed, batch.numbers[0])
    tally = Tally()
    tally.ends[name][LOST if name == SINGLE else CRASHED] += 1
    if name != SINGLE:
        tally.crashes.append(Crash(batch.numbers[0], f"{name}/{file}", reason))
    return tally


def try_batch(batch: Batch) -> Tally:
    """Try copies one after the other."""
    logging.disable(logging.CRITICAL)  # pydicom logs what it finds in them
    warnings.simplefilter("ignore")
    tally = Tally()
    own = _own_folder(batch.corpus, batch.work)
    for number in batch.numbers:
        name, file = _sample(batch.corpus, batch.seed, number)
        data = copy_of(batch.corpus, batch.seed, number)
        began, end = time.process_time(), CRASHED
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                try_single = _try_file if name == SINGLE else _try_set
                end = try_single(own, name, file, data)
            if (took := time.process_time() - began) > _SECONDS:
                end, text = CRASHED, f"it took {took:.0f} s"
        except Exception as error:  # noqa: BLE001 - what is looked for
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        if end == CRASHED:
            tally.crashes.append(Crash(number, f"{name}/{file}", text))
        tally.ends[name][end] += 1
    tally.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return tally


def copy_of(corpus: Path, seed: int, number: int) -> bytes:
    """The damaged copy that a number stands for."""
    name, file = _sample(corpus, seed, number)
    others = dict(_samples(corpus))[name]
    data, other = (
        _content(corpus / name / file),
        _content(corpus / name / others[number % len(others)]),
    )
    return mutated(data, other, seed=seed, number=number)


def _sample(corpus: Path, seed: int, number: int) -> tuple[str, str]:
    """The set and the file that a copy is of."""
    random, sets = Random(f"{seed}/{number}/file"), dict(_samples(corpus))
    names = sorted(set(sets) - {SINGLE})
    name = SINGLE if random.random() < _SINGLE_SHARE or not names else random.choice(names)
    files = sets[name]
    text = [file for file in files if file.lower().endswith(TEXT)]
    return name, random.choice(text if name != SINGLE and text and random.random() < 0.8 else files)


@cache
def _samples(corpus: Path) -> list[tuple[str, list[str]]]:
    return samples(corpus)


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _own_folder(corpus: Path, work: Path) -> Path:
    """The data sets once more, for this process to change."""
    work.mkdir(exist_ok=True)
    own = Path(tempfile.mkdtemp(dir=work))
    shutil.copytree(corpus, own, dirs_exist_ok=True, ignore=lambda *_: [SINGLE])
    return own


def _try_file(own: Path, name: str, file: str, data: bytes) -> str:
    """A DICOM file as ingest, preprocess, intake and the masks of findings read it."""
    path = own / "damaged.dcm"
    path.write_bytes(data)
    if is_dicom(path):
        read_header(path)
    else:
        damage_of(path)
    with contextlib.suppress(NoOutline):
        mask_polygons(path, height=_SHAPE[0], width=_SHAPE[1])
    try:
        mammogram = read_mammogram(path, settings=_SETTINGS, spacing_mm=1.0)
        pixels = mammogram.pixels
        if not (np.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
            raise AssertionError("grey values are not between 0 and 1")
        plain_thumbnail(pixels)
    except Unusable as refused:
        if not refused.reason:
            raise AssertionError("refused without a reason") from refused
        return REFUSED
    with contextlib.suppress(Unusable):  # few of them show a breast
        standardise(mammogram, ImageSettings(spacing_mm=0.5))
    return READ


def _try_set(own: Path, name: str, file: str, data: bytes) -> str:
    """A data set with one damaged file, to the catalog and the labels of its findings."""
    root, importer = own / name, _IMPORTERS.get(name, name)
    spacing_mm = 0.1 if importer == "ddsm" else None
    whole = (root / file).read_bytes()
    (root / file).write_bytes(data)
    try:
        settings = DataSettings(root=root, importer=importer, spacing_mm=spacing_mm)
        listed = list_files(root).files
        request = Request(settings, PhantomSettings(), listed, own / "wrapped" / name)
        catalog = read_data_set(request)
    except UserError as refused:
        if file.lower().endswith(PICTURES):
            raise AssertionError(f"one image stops the ingest: {refused}") from refused
        return REFUSED
    finally:
        (root / file).write_bytes(whole)
    run = RunFolder(own / "run")
    write_catalog(run, catalog, importer=importer, root=name, fingerprint="")
    again = read_catalog(run)
    for table in ("images", "findings", "files"):
        if not getattr(again, table).equals(getattr(catalog, table)):
            raise AssertionError(f"the table of {table} is not read back as it was written")
    if again.split != catalog.split:
        raise AssertionError("the split is not read back as it was written")
    _label(catalog.images, catalog.findings)
    return READ


def _label(images, findings) -> None:
    """Outlines and labels of the findings that are given by numbers."""
    labels = LabelSettings()
    rows, cols = np.mgrid[0 : _SHAPE[0] : 40, 0 : _SHAPE[1] : 40]
    of_image = dict(iter(findings[findings["geometry"] != "mask"].groupby("image_id")))
    for image in images.to_dict("records"):
        if image["image_id"] not in of_image:
            continue
        found = image_outlines(
            of_image[image["image_id"]],
            labels=labels,
            height=_SHAPE[0],
            width=_SHAPE[1],
            spacing_mm=_SPACING_MM,
            outcome=image["outcome"],
            complete=image["complete"],
            masks={},
        )
        label_points(rows, cols, found.outlines, LabelRule.from_settings(labels, _SPACING_MM))


def _keep(crash: Crash, corpus: Path, seed: int, folder: Path) -> None:
    """Write the copy that crashed beside the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    name = crash.file.replace("/", "-")
    with contextlib.suppress(KeyError):
        (folder / f"{crash.number}-{name}").write_bytes(copy_of(corpus, seed, crash.number))


def fuzz_table(result: Mapping) -> str:
    """The figures for the terminal."""
    rows = [("files of", "copies", READ, REFUSED, LOST, CRASHED)]
    for name, ends in result["sets"].items():
        counts = [ends.get(end, 0) for end in (READ, REFUSED, LOST, CRASHED)]
        rows.append((name, *map(str, (sum(counts), *counts))))
    return aligned(rows)


def fuzz_line(result: Mapping) -> str:
    """What came of it, in one sentence."""
    return (
        f"{result['files']:,} damaged files (seed {result['seed']}): {len(result['crashes'])} "
        f"crashes of the run, peak memory {result['peak_mib']} MiB of {result['bound_mib']}, "
        f"{result['minutes']:g} minutes"
    )


def fuzz_markdown(result: Mapping) -> str:
    """docs/fuzzing.md."""
    return render_markdown(_PAGE, line=fuzz_line(result), **result)
