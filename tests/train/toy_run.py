"""A run folder as preprocess leaves it, of toy mammograms: noise with bright discs."""

import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import Circle, Outline, standard_outlines, write_outlines
from pipeline.config import LabelSettings, Settings
from pipeline.preprocess.positions import label_positions
from pipeline.preprocess.store.entries import write_entry
from pipeline.preprocess.tables import write_mammograms, write_positions
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.stage import Stage

HEIGHT, WIDTH, SPACING_MM, PITCH_PX = 200, 160, 0.2, 16
LABELS = LabelSettings(ignore_mm=4.8)
# A training that is soon finished.
SHORT = {"epochs": 1, "steps_per_epoch": 2}
# Six patients for training, three for validation; of each one breast, every second with a disc.
SPLITS = ["train"] * 6 + ["validation"] * 3


def toy_settings(**train) -> Settings:
    """The smallest valid network and a training of few steps."""
    defaults = {
        "epochs": 2,
        "steps_per_epoch": 4,
        "batch": 4,
        "crop_mm": 19.2,
        "warmup_steps": 1,
        "readers": 1,
        "precision": "float32",
    }
    return Settings(
        image={"spacing_mm": SPACING_MM},
        labels=LABELS,
        network={"patch_mm": 6.4, "width": 4},
        train={**defaults, **train},
    )


def write_toy_run(root: Path) -> RunFolder:
    """Tables and store entries of nine mammograms."""
    run = RunFolder(root)
    rows, outlines, positions = [], {}, []
    for number, split in enumerate(SPLITS):
        row, found, breast = _toy_mammogram(root, number, split)
        rows.append(row)
        outlines[row["image_id"]] = found
        positions.append(
            label_positions(
                row,
                standard_outlines(found, geometry_of(row)),
                breast,
                LabelRule.from_settings(LABELS, SPACING_MM),
                PITCH_PX,
            )
        )
    write_mammograms(run, pd.DataFrame(rows))
    write_outlines(run, outlines)
    write_positions(run, pd.concat(positions))
    return run


def stage_of(run: RunFolder, settings: Settings) -> Stage:
    """A stage without the lock and the settings files."""
    return Stage(run, settings, EventLog(run, "train"))


def _toy_mammogram(root: Path, number: int, split: str):
    rng = np.random.default_rng([7, number])
    image = 0.3 + 0.05 * cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)), (0, 0), 2)
    breast = np.ones((HEIGHT // 8, WIDTH // 8), bool)
    breast[:, -4:] = False
    found = []
    if number % 2 == 0:
        row, col = rng.uniform(40, HEIGHT - 40), rng.uniform(40, WIDTH - 60)
        cv2.circle(image, (round(col), round(row)), 20, 0.6, -1)
        circle = Circle(row, col, 20.0)
        found.append(Outline(f"f{number}", "mass", "malignant", True, circle))
    store = root / "store" / f"{number:02d}"
    pixels = np.round(image.clip(0, 1) * 65535).astype(np.uint16)
    write_entry(store, image=pixels, breast=breast, info={})
    return _mammogram_row(number, split, store, abnormal=bool(found)), found, breast


def _mammogram_row(number: int, split: str, store: Path, *, abnormal: bool) -> dict:
    return {
        "image_id": f"i{number}",
        "patient_id": f"p{number}",
        "laterality": "L",
        "view": "CC",
        "split": split,
        "dataset": "toy",
        "outcome": "abnormal" if abnormal else "normal",
        "density": "",
        "site": "",
        "source": f"{number}.dcm",
        "file": f"{number}.dcm",
        "store": os.fspath(store),
        "height": HEIGHT,
        "width": WIDTH,
        "spacing_mm": SPACING_MM,
        "original_height": HEIGHT,
        "original_width": WIDTH,
        "original_spacing_mm": SPACING_MM,
        "flipped": False,
        "row0": 0,
        "col0": 0,
        "row_scale": 1.0,
        "col_scale": 1.0,
        "breast_mm2": 100.0,
        "unlocated": False,
        "pixel_sha256": f"{number:016d}" * 4,
        "window": "",
        "polarity": "",
        "spacing_source": "",
        "scanner": "",
    }
