"""What the pictures and tables of one map cost, as a worker of the heatmap stage makes them."""

import tempfile
from pathlib import Path

import cv2
import numpy as np

from pipeline.heatmap.describe_mammogram import DescribeJob, describe
from pipeline.heatmap.pictures.map_pictures import Caption
from pipeline.model.card import model_folder, read_card
from pipeline.model.image_map import ImageMap, original_axes, write_map
from pipeline.preprocess.store.entries import write_entry
from pipeline.preprocess.tables import read_positions
from tests.benchmarks.bench_reader import mammogram_like
from tests.benchmarks.measure import Row, interleaved
from tests.heatmap.small_run import SPACING_MM, mammogram_row, write_small_run

SHAPE, PITCH_PX, LESIONS, SECONDS = (2400, 1600), 8, 3, 0.15
SIZE = {
    "height": SHAPE[0],
    "width": SHAPE[1],
    "original_height": SHAPE[0],
    "original_width": SHAPE[1],
    "original_spacing_mm": SPACING_MM,
    "row0": 0,
    "col0": 0,
    "row_scale": 1.0,
    "col_scale": 1.0,
    "breast_mm2": 2e4,
}


def rows(repeats: int = 15) -> list[Row]:
    """Overlay, viewer entry and tables of a mammogram with three suspicious places."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = write_small_run(folder)
        store, image = folder / "large", mammogram_like(SHAPE, seed=0) << 4
        breast = np.ones([size // 8 for size in SHAPE], bool)
        write_entry(store, image=image, breast=breast, info={})
        row = mammogram_row("large", store, **SIZE)
        axes = original_axes(row, pitch_px=PITCH_PX)
        random, logit = np.random.default_rng(0), np.full([len(axis) for axis in axes], -5.0)
        logit += random.normal(0, 0.3, logit.shape)
        for at in random.integers(60, 140, (LESIONS, 2)):
            logit += 7 * np.exp(-((np.indices(logit.shape).T - at).T ** 2).sum(0) / 60)
        logit = logit.astype(np.float32)
        card = read_card(model_folder(run))
        probability = card.calibration.probability(logit)
        write_map(run.heatmap("large"), ImageMap(logit, probability, *axes), key="")
        job = DescribeJob(
            mammogram=row,
            positions=read_positions(run).iloc[:0],
            outlines=[],
            other=float("nan"),
            place=run,
            rule=card.map_rule(stride_px=PITCH_PX),
            card=card,
            caption=Caption(model="runs/bench", prior=0.02, threshold=0.3),
            min_area_mm2=10,
            uncertainty=False,
            images=20,
        )
        times = interleaved({"pictures": lambda: describe(job)}, repeats).processor["pictures"]
    low, middle, high = (np.percentile(times, [25, 50, 75]) / SECONDS).round(3).tolist()
    return [
        Row(
            f"pictures and tables of a map, in parts of {SECONDS} s and core",
            *(middle, 1.0, True, (low, high)),
            seconds={"pictures": float(f"{np.median(times):.4g}")},
        )
    ]
