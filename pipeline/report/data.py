"""What the files of a run say, as pages show it; each is empty where its file is not there."""

from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.annotations.outlines import read_outlines
from pipeline.config import LabelSettings
from pipeline.figures.registry import (
    BASELINES,
    headline_metrics,
    probability_metrics,
    ranking_metrics,
)
from pipeline.preprocess.tables import count_positions, read_mammograms
from pipeline.run.atomic import read_json
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.events import read_events
from pipeline.run.graph import STAGE_SECTIONS
from pipeline.run.layout import RunFolder

SPLITS = ("train", "validation", "test")
SPLIT_HEADS = (
    *("split", "patients", "mammograms", "abnormal", "normal", "findings"),
    *("positive positions", "negative", "ignored"),
)
# What an evaluation may leave out.
_ABSENT: dict[str, Any] = {
    "split": "",
    "baselines": {},
    "froc": [],
    "froc_normal_images": [],
    "froc_regions_iou": {"points": []},
    "groups": [],
    "lesion_groups_at_1_fp_per_image": [],
    "counts": {},
    "bootstrap": {"confidence": 0.95},
}


def count_splits(run: RunFolder) -> list[dict]:
    """Counts of each split that has a mammogram, by SPLIT_HEADS; empty before preprocess."""
    if not (run.mammograms.is_file() and run.outlines.is_file() and run.positions.is_file()):
        return []
    mammograms, outlines, positions = read_mammograms(run), read_outlines(run), count_positions(run)
    rows = []
    for name in SPLITS:
        part = mammograms[mammograms["split"] == name]
        found = (o for image_id in part["image_id"] for o in outlines.get(image_id, []))
        counts = (
            part["patient_id"].nunique(),
            len(part),
            *(int((part["outcome"] == outcome).sum()) for outcome in ("abnormal", "normal")),
            sum(outline.positive for outline in found),
            *(positions[name, label] for label in (1, 0, -1)),
        )
        if len(part):
            rows.append(dict(zip(SPLIT_HEADS, (name, *counts), strict=True)))
    return rows


def count_files(run: RunFolder, *, limit: int = 25) -> list[tuple[str, str, int]]:
    """(status, reason, number) of the files of intake.csv, the commonest reasons first.

    Reasons beyond `limit` are one row; empty before preprocess.
    """
    if not run.intake.is_file():
        return []
    intake = read_csv_table(run.intake, written_by="make intake")
    counts = intake.groupby(["status", "reason"]).size().sort_values(ascending=False)
    rows = [(status, reason, int(n)) for (status, reason), n in counts.items()]
    rows.sort(key=lambda row: (row[0] != "used", row[0], -row[2]))
    if rest := rows[limit:]:
        rows[limit:] = [("", f"{len(rest)} other reasons", sum(row[2] for row in rest))]
    return rows


def is_synthetic(run: RunFolder) -> bool:
    """Whether any mammogram of the run is a phantom."""
    return run.mammograms.is_file() and bool((read_mammograms(run)["dataset"] == "phantom").any())


def abnormal_of(run: RunFolder) -> str:
    """Which findings count as abnormal, by the label rule of the run."""
    path = run.stage_settings("preprocess")
    if not path.is_file():
        return "any finding that the data set outlines"
    labels = yaml.safe_load(path.read_text(encoding="utf-8"))["labels"]
    return abnormal_in_words(LabelSettings.model_validate(labels))


def abnormal_in_words(rule: LabelSettings) -> str:
    """Which findings count as abnormal by a label rule."""
    kind = "any finding" if rule.kinds == "all" else f"a finding of kind {' or '.join(rule.kinds)}"
    if rule.positive == "all":
        return f"{kind} that the data set outlines, benign ones too"
    return f"{kind} that the data set outlines as {' or '.join(rule.positive)}"


def stage_events(run: RunFolder) -> list[tuple[dict, dict | None]]:
    """Start and end of the last run of each stage, in order; those that never ran are left out.

    The page is written within a stage, which therefore has no end yet.
    """
    starts: dict[str, dict] = {}
    ends: dict[str, dict] = {}
    for event in read_events(run.events):
        if event["event"] == "start":
            starts[event["stage"]] = event
            ends.pop(event["stage"], None)
        elif event["event"] == "finish":
            ends[event["stage"]] = event
    return [(starts[stage], ends.get(stage)) for stage in STAGE_SECTIONS if stage in starts]


def settings_texts(run: RunFolder) -> list[tuple[str, str]]:
    """(stage, YAML text) of RUN/settings."""
    paths = ((stage, run.stage_settings(stage)) for stage in STAGE_SECTIONS)
    return [(stage, p.read_text(encoding="utf-8")) for stage, p in paths if p.is_file()]


def current_metrics(run: RunFolder) -> dict[str, Any] | None:
    """metrics.json; None where the run is not evaluated, or its maps are newer."""
    if not run.metrics.is_file():
        return None
    maps = run.heatmap_summary
    if maps.is_file() and run.metrics.stat().st_mtime_ns < maps.stat().st_mtime_ns:
        return None
    return read_json(run.metrics)


def metrics_of(run: RunFolder, model_sha256: str) -> dict[str, Any] | None:
    """`current_metrics`; None also where they are of another model."""
    metrics = current_metrics(run)
    return metrics if metrics and metrics["model_sha256"] == model_sha256 else None


def controls_of(run: RunFolder) -> dict[str, dict]:
    """The controls of controls.json by name; empty before `make controls`."""
    return (read_json(run.controls) or {}).get("controls", {})


def robustness_of(run: RunFolder, model_sha256: str) -> dict[str, Any] | None:
    """robustness.json; None where it is not made, or is of another model."""
    content = read_json(run.robustness)
    return content if content and content["model_sha256"] == model_sha256 else None


def for_results(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What the templates of results need of a metrics.json, or of a crossval.json."""
    calibration = {"before": None, "after": None, **(metrics.get("calibration") or {})}
    return {
        "metrics": {**_ABSENT, **metrics, "calibration": calibration},
        "ranking": ranking_metrics(),
        "probabilities": probability_metrics(),
        "headline": headline_metrics(),
        "baselines": BASELINES,
    }
