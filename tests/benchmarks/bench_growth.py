"""How time and memory of ingest and preprocess grow with the number of mammograms.

Many tiny DICOM files in a folder, as a hospital sends them. Takes some ten minutes.
"""

import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from pipeline.dicom.write_synthetic import write_synthetic
from tests.benchmarks.bench_reader import mammogram_like
from tests.benchmarks.measure import Row

FEW, SHAPE, SPACING_MM = 100, (416, 320), 0.56
PATIENT = [("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO")]


def rows(repeats: int = 15, *, most: int = 2000) -> list[Row]:
    """A hundred and so many mammograms, each once."""
    little, little_wall, small = _measured(FEW)
    much, much_wall, large = _measured(most)
    times, name = math.log(most / FEW), f"from {FEW} to {most:,} mammograms"
    return [
        Row(
            f"ingest and preprocess {name}: exponent of the time",
            round(math.log(much / little) / times, 3),
            target=1.05,
            at_most=True,
            wall_ratio=round(math.log(much_wall / little_wall) / times, 3),
            seconds={f"{FEW}": round(little, 1), f"{most:,}": round(much, 1)},
        ),
        Row(
            f"ingest and preprocess {name}: memory of the largest process, times",
            round(large / small, 3),
            target=1.1,
            at_most=True,
            note=f"{small:.0f} and {large:.0f} MB",
        ),
    ]


def _measured(count: int) -> tuple[float, float, float]:
    """Processor and wall time beyond a run of four files, and the peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        start = _stages(Path(folder) / "four", 4)
        whole = _stages(Path(folder) / "all", count)
    return whole[0] - start[0], whole[1] - start[1], whole[2]


def _stages(folder: Path, count: int) -> tuple[float, float, float]:
    raw = folder / "raw"
    raw.mkdir(parents=True)
    for number in range(count):
        patient, (side, view) = f"P-{number // 4:05}", PATIENT[number % 4]
        pixels = mammogram_like(SHAPE, seed=number)
        pixels = pixels if side == "L" else np.ascontiguousarray(pixels[:, ::-1])
        write_synthetic(
            raw / f"{number:06}.dcm",
            pixels,
            patient_id=patient,
            laterality=side,
            view=view,
            spacing_mm=SPACING_MM,
            encoding="jpeg_lossless",
        )
    run, given = str(folder / "run"), f"store.root={folder / 'store'} image.spacing_mm=0.56"
    own = {**os.environ, "MAMMO_PRIVATE": str(folder / "private")}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    settings = ["--config", "configs/dicom.yaml", "--input", str(raw), "--set", given]
    for step in (["settings.py", *settings], ["stage.py", "ingest"], ["stage.py", "preprocess"]):
        script, *words = step
        command = [sys.executable, f"scripts/{script}", *words, "--run", run]
        subprocess.run(command, check=True, env=own, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return processor, wall, after.ru_maxrss / 1000
