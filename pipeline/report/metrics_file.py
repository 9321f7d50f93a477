"""metrics.json and crossval.json as templates read them: whole, and of the maps that are there."""

from collections.abc import Mapping
from typing import Any

from pipeline.figures.registry import BASELINES, probability_metrics, ranking_metrics
from pipeline.run.atomic import read_json
from pipeline.run.layout import RunFolder

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


def current_metrics(run: RunFolder) -> dict[str, Any] | None:
    """metrics.json; None where the run is not evaluated, or its maps are newer."""
    if not run.metrics.is_file():
        return None
    maps = run.heatmap_summary
    if maps.is_file() and run.metrics.stat().st_mtime_ns < maps.stat().st_mtime_ns:
        return None
    return read_json(run.metrics)


def for_results(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What the templates of results need of a metrics.json, or of a crossval.json."""
    calibration = {"before": None, "after": None, **(metrics.get("calibration") or {})}
    return {
        "metrics": {**_ABSENT, **metrics, "calibration": calibration},
        "ranking": ranking_metrics(),
        "probabilities": probability_metrics(),
        "baselines": BASELINES,
    }
