"""Tables of a million rows, without pixels, through the code that makes, checks and reads them.

Each in a process of its own, whose largest memory counts.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.ingest.catalog import check_catalog, make_catalog, read_catalog, write_catalog
from pipeline.preprocess.contact_sheet import choose_positions
from pipeline.preprocess.tables import (
    MAMMOGRAM_COLUMNS,
    POSITION_SCHEMA,
    count_positions,
    positions_by_image,
    write_mammograms,
    write_positions_of,
)
from pipeline.report.gallery import MappedRun, pages_of
from pipeline.run.layout import RunFolder
from pipeline.run.parquet_parts import read_parts
from tests.benchmarks.measure import Row

MANY = 10**6
SECONDS, MEGABYTES = 300.0, 4000.0  # what a million rows may take
PLACES = 1000  # of a mammogram
_SPLITS = ("train", "validation", "test")


def rows(repeats: int = 15) -> list[Row]:
    """Processor time in parts of 5 minutes and memory in parts of 4 GB, of MANY rows each."""
    works = (
        (f"catalog of {MANY:,} mammograms: made, checked, written, read", catalog),
        (f"positions, {MANY:,} rows: written, counted, drawn from, read by mammogram", positions),
        (f"pages of a report on {MANY:,} mammograms with a candidate each", report),
    )
    found = []
    for what, work in works:
        seconds, megabytes = _alone(work)
        note = f"{seconds:.1f} s, {megabytes:.0f} MB"
        for kind, value in (("time", seconds / SECONDS), ("memory", megabytes / MEGABYTES)):
            bound = "5 minutes" if kind == "time" else "4 GB"
            name = f"{what}: {kind} in parts of {bound}"
            found.append(Row(name, round(value, 3), target=1, at_most=True, note=note))
    return found


def _alone(work: Callable[[RunFolder, int], None]) -> tuple[float, float]:
    """Processor seconds and the largest memory in MB of a process that does it."""
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=_measured, args=(work, folder, MANY, answers))
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{work.__name__} ended with {process.exitcode}")
    return answers.get()


def _measured(work: Callable, folder: str, many: int, answers) -> None:
    began = time.process_time()
    work(RunFolder(Path(folder)), many)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    answers.put((time.process_time() - began, peak))


def catalog(run: RunFolder, many: int) -> None:
    """As an importer gives it: four images of each woman, a finding on every tenth."""
    names = [f"P{number // 4:07}-{'LR'[number % 2]}-{number % 4}" for number in range(many)]
    made = make_catalog(
        (
            {
                "image_id": name,
                "patient_id": name[:8],
                "laterality": name[9],
                "view": ("CC", "MLO")[number % 4 // 2],
                "file": f"data/{name[:8]}/{name}.dcm",
                "source": f"{name[:8]}/{name}.dcm",
                "dataset": "dicom",
                "spacing_mm": 0.07,
            }
            for number, name in enumerate(names)
        ),
        (
            {
                "finding_id": f"{name}-1",
                "image_id": name,
                "kind": "mass",
                "pathology": "malignant",
                "geometry": "circle",
                "coordinates": f'{{"row": {number % 3000}, "col": 900, "radius": 40}}',
            }
            for number, name in enumerate(names)
            if number % 10 == 0
        ),
        (
            {"file": f"{name[:8]}/{name}.dcm", "status": "candidate", "bytes": 10**7}
            for name in names
        ),
    )
    check_catalog(made)
    write_catalog(run, made, importer="dicom", root="data", fingerprint="f")
    assert len(read_catalog(run).images) == many


def positions(run: RunFolder, many: int) -> None:
    """The patch table, mammogram by mammogram."""
    count = max(many // PLACES, 1)
    names = [f"P{number:07}" for number in range(count)]
    write_positions_of(run, (_positions_of(name, at) for at, name in enumerate(names)))
    assert sum(count_positions(run).values()) == count * PLACES
    parts = read_parts(run.positions, ["image_id", "label", "row_standard", "col_standard"])
    ((chosen, _),) = choose_positions(parts, labels=[0], count=8, seed=0)
    assert chosen["image_id"].nunique() == min(8, count)
    by_image = positions_by_image(run)
    assert all(len(by_image[name]) == PLACES for name in names)


def _positions_of(name: str, number: int) -> pd.DataFrame:
    at = np.arange(PLACES)
    known = {
        "image_id": name,
        "patient_id": name,
        "split": _SPLITS[number % 3],
        "finding_id": "",
        "label": np.where(at < 3, 1, 0),
        "row_index": at // 40,
        "col_index": at % 40,
    }
    places = dict.fromkeys(("row", "col", "row_standard", "col_standard"), at * 32.0)
    return pd.DataFrame(known | places)[POSITION_SCHEMA.names]


def report(run: RunFolder, many: int) -> None:
    """What the report reads before it shows a mammogram; 5,000 of them have pictures."""
    names = pd.Series([f"P{number // 4:07}-{number % 4}" for number in range(many)])
    fillers = {str: "", "int64": 7, "float64": 0.1, bool: False}
    table = pd.DataFrame({name: fillers[of] for name, of in MAMMOGRAM_COLUMNS.items()}, index=[0])
    table = table.loc[[0] * many].reset_index(drop=True)
    patients = names.str[:8]
    write_mammograms(run, table.assign(image_id=names, patient_id=patients, split="test"))
    score = np.random.default_rng(0).normal(size=many)
    of_image = {"image_id": names, "patient_id": patients, "split": "test"}
    more = {"score": score, "candidate_probability": 0.5, "probability": 0.5, "logit": score}
    pd.DataFrame({**of_image, "outcome": "unknown", **more}).to_csv(run.images, index=False)
    found = pd.DataFrame({**of_image, "finding_id": "", "rank": 1, "score": score})
    for path in (run.candidates, run.regions):
        found.to_csv(path, index=False)
    run.viewer.mkdir()
    shown = names[:: max(many // 5000, 1)]
    for name in shown:
        run.viewer_entry(name).touch()
    mapped = MappedRun(run, summary={})
    pages = pages_of(mapped)
    assert sum(map(len, pages)) == len(shown)
    for name in pages[0]:
        assert len(mapped.candidates.get(name)) == len(mapped.regions.get(name)) == 1
