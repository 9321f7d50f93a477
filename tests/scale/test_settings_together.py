"""Settings that nobody tried together: a run of all stages ends, or says in a sentence why not."""

import itertools
import random

import pandas as pd
import pytest

from pipeline.model.configure import configure
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.stage import run_missing

pytestmark = pytest.mark.scale

CONFIG = "configs/default.yaml"
RUNS = 6
ALWAYS = {
    "phantom.patients": "6",
    "phantom.spacing_mm": "0.4",
    "split.test": "0.34",
    "network.width": "4",
    "train.epochs": "1",
    "train.steps_per_epoch": "2",
    "train.warmup_steps": "1",
    "evaluate.bootstrap": "10",
}
CHOICES = {
    "image.spacing_mm": ("0.4", "0.2"),
    "image.remove_pectoral": ("false", "true"),
    "image.high_percentile": ("99.8", "100"),
    "labels.min_radius_mm": ("4", "0"),
    "labels.ignore_mm": ("9.6", "0"),
    "labels.kinds": ("all", "microcalcifications"),
    "split.validation": ("0.25", "0"),
    "network.backbone": ("valid", "efficientnet_lite0", "MobileNetV3Small"),
    "network.patch_mm": ("12.8", "25.6"),
    "network.core_mm": ("0", "6.4"),
    "network.head": ("sigmoid", "softmax", "softmax_kinds", "sigmoid_kinds"),
    "network.head_start": ("glorot", "softmax"),
    "train.batch": ("2", "3"),
    "train.micro_batch": ("null", "1", "auto"),
    "train.recompute": ("false", "true"),
    "train.crop_mm": ("51.2", "102.4"),
    "train.balance": ("lesions", "kinds", "sets"),
    "train.frozen_layers": ("0", "2"),
    "train.backbone_rate": ("1", "0"),
    "train.average": ("0.9", "0"),
    "train.augment": ("true", "false"),
    "train.grey_on_device": ("false", "true"),
    "train.members": ("1", "2"),
    "train.precision": ("float32", "mixed_bfloat16", "mixed_float16"),
    "train.permute_labels": ("false", "true"),
    "train.fp_per_image": ("1", "0.01"),
    "maps.pitch_mm": ("1.6", "3.2"),
    "maps.flips": ("1", "2"),
    "maps.zooms": ("1", "0.8,1.25"),
    "maps.smooth_mm": ("0", "2"),
    "maps.level_share": ("0", "0.5"),
    "maps.suppression_mm": ("10", "0.1"),
    "maps.max_candidates": ("60", "1"),
    "heatmap.prior": ("null", "0.9"),
    "heatmap.min_region_mm2": ("10", "0", "100000"),
    "heatmap.uncertainty": ("true", "false"),
    "evaluate.confidence": ("0.95", "0.5"),
    "dicom.workers": ("2", "0"),
}


def pairs(row: dict[str, str]) -> set:
    return set(itertools.combinations(row.items(), 2))


def rows(folder) -> list[dict[str, str]]:
    """Settings that the first command takes, those first that bring most pairs not met before."""
    draw, met, chosen = random.Random(0), set(), []
    drawn = [{n: draw.choice(of) for n, of in CHOICES.items()} for _ in range(400)]
    taken = []
    for row in drawn:
        try:
            configure(RunFolder(folder / "asked"), config=CONFIG, overrides=ALWAYS | row)
        except UserError:
            continue
        taken.append(row)
    while taken and len(chosen) < RUNS:
        best = max(taken, key=lambda row: len(pairs(row) - met))
        taken.remove(best)
        met |= pairs(best)
        chosen.append(best)
    return chosen


def test_a_run_of_any_settings_ends_or_says_why_not(tmp_path, capfd):
    ended = []
    places = {"data.root": str(tmp_path / "data"), "store.root": str(tmp_path / "store")}
    for number, row in enumerate(rows(tmp_path)):
        run = RunFolder(tmp_path / f"run{number}")
        configure(run, config=CONFIG, overrides=ALWAYS | places | row)
        try:
            run_missing("evaluate", run.root)
        except SystemExit as end:  # after a sentence
            said = capfd.readouterr().err.strip().splitlines()
            assert end.code == 2 and said[-1].split(": ")[0] in ("train", "heatmap"), said[-1]
            continue
        images = pd.read_csv(run.images)
        assert images["probability"].between(0, 1).all(), row
        ended.append(row)
    assert len(ended) >= RUNS / 2
