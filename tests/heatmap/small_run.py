"""A run folder as preprocess and train leave it, with two small mammograms, for the tests."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import Circle, Outline, standard_outlines, write_outlines
from pipeline.config import LabelSettings
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.positions import label_positions
from pipeline.preprocess.store.entries import write_entry
from pipeline.preprocess.tables import (
    MAMMOGRAM_COLUMNS,
    write_mammograms,
    write_positions,
)
from pipeline.run.layout import RunFolder
from tests.model.cards import write_a_card

SPACING_MM = 0.2
LABELS = LabelSettings(min_radius_mm=1.0, ignore_mm=2.0, pitch_mm=3.2)
MARK = (150, 130)  # row and column of the finding in both original images
ORIGINAL_SIZE = (300, 240)
OUTLINE = Outline("a", "mass", "malignant", True, circle=Circle(*MARK, 20))


def mammogram_row(image_id, store, **changed) -> dict:
    """A row of mammograms.csv: box of 200 x 160 pixels at (50, 40), at twice the spacing."""
    row = dict.fromkeys(MAMMOGRAM_COLUMNS, "") | {
        "image_id": image_id,
        "patient_id": f"patient-{image_id}",
        "laterality": "L",
        "view": "MLO",
        "split": "test",
        "dataset": "mias",
        "outcome": "abnormal",
        "store": str(store),
        "height": 100,
        "width": 80,
        "spacing_mm": SPACING_MM,
        "original_height": ORIGINAL_SIZE[0],
        "original_width": ORIGINAL_SIZE[1],
        "original_spacing_mm": 0.1,
        "flipped": False,
        "row0": 50,
        "col0": 40,
        "row_scale": 2.0,
        "col_scale": 2.0,
        "breast_mm2": 100.0,
        "unlocated": False,
    }
    return row | changed


def write_store_entry(store, *, flipped: bool) -> None:
    """The marked original as the standard form, by plain slicing; all of it is breast."""
    original = np.full(ORIGINAL_SIZE, 10_000, np.uint16)
    original[MARK[0] - 8 : MARK[0] + 9, MARK[1] - 8 : MARK[1] + 9] = 50_000
    standard = original[50:250:2, 40:200:2]
    standard = standard[:, ::-1] if flipped else standard
    breast = np.ones((13, 10), bool)
    write_entry(store, image=standard, breast=breast, info={})


def write_small_run(root: Path, **changed) -> RunFolder:
    """Mammograms `plain` and `mirrored`, a finding in each, a model card without weights.

    `changed` replaces columns of mammograms.csv.
    """
    run = RunFolder(root / "run")
    rows = []
    for image_id, flipped in (("mirrored", True), ("plain", False)):
        write_store_entry(root / image_id, flipped=flipped)
        rows.append(mammogram_row(image_id, root / image_id, flipped=flipped, **changed))
    rule = LabelRule.from_settings(LABELS, SPACING_MM)
    breast = np.ones((13, 10), bool)
    parts = [
        label_positions(row, standard_outlines([OUTLINE], geometry_of(row)), breast, rule, 16)
        for row in rows
    ]
    write_mammograms(run, pd.DataFrame(rows))
    write_outlines(run, {row["image_id"]: [OUTLINE] for row in rows})
    write_positions(run, pd.concat(parts))
    write_model_card(run)
    return run


def write_model_card(run: RunFolder, **changed) -> None:
    """The card as train writes it, of a network that has no weights; `changed` as in `a_card`."""
    own = {
        "image": {"spacing_mm": SPACING_MM},
        "labels": LABELS.model_dump(),
        "calibration": {"natural_prior": 0.02, "temperature": 1.0},
        "region_threshold": 0.3,
        "sha256": "f" * 64,
        "commit": "c0ffee",
    }
    calibration = own["calibration"] | changed.pop("calibration", {})
    write_a_card(run.model, **{**own, **changed, "calibration": calibration})


class BrightnessNetwork:
    """In place of a trained network: a position's logit is how bright the image is there.

    Attributes:
        mapped: so many maps were asked for and given.
        stops_at: after so many it is interrupted instead.
    """

    stride_px = 4

    def __init__(self):
        self.mapped = 0
        self.stops_at = None

    def of(self, folder: Path, tile_px: int) -> "BrightnessNetwork":
        """What the stage maps with."""
        return self

    def __call__(self, image: np.ndarray, rule: MapRule) -> tuple[np.ndarray, np.ndarray | None]:
        """Logits; copies differ by 0.5."""
        if self.mapped == self.stops_at:
            self.stops_at = None
            raise KeyboardInterrupt
        self.mapped += 1
        pitch_px = rule.pitch_px
        sides = [(0, -size % pitch_px + 1) for size in image.shape]
        logits = 20 * np.pad(image, sides, mode="edge")[::pitch_px, ::pitch_px] - 8
        several = rule.flips * len(rule.zooms) > 1
        return logits, np.full_like(logits, 0.5) if several else None
