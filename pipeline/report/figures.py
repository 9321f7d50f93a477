"""What the report says about the results: the figures of metrics.json as rows of text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.run.layout import RunFolder

NAMES = {
    "patch_auc": "Positions: ROC AUC",
    "patch_partial_auc": "Positions: ROC AUC at few false alarms (McClish; 0.5 is chance)",
    "patch_ap": "Positions: average precision",
    "image_auc": "Mammograms: ROC AUC of the highest probability",
    "breast_auc": "Breasts: ROC AUC of the highest probability",
    "patient_auc": "Patients: ROC AUC of the highest probability",
    "mean_froc": "Findings: mean FROC sensitivity (1/4 to 8 false alarms per mammogram)",
}
BASELINES = {
    "position": "Positions: ROC AUC from the place in the breast alone",
    "mean_contrast": "Positions: ROC AUC from local mean and contrast alone",
}
CALIBRATION = {
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "intercept": "intercept (ideal 0)",
    "slope": "slope (ideal 1)",
    "observed_over_expected": "observed / expected (ideal 1)",
}
LESION_GROUPS = "lesion_groups_at_1_fp_per_image"


@dataclass(frozen=True)
class Results:
    """Rows of text for the tables of the results.

    Attributes:
        figures: name, value, interval, number of units.
        froc: false alarms per mammogram; sensitivity and interval; sensitivity where only false
            alarms on normal mammograms count; sensitivity of the regions' boxes (IoU).
        calibration: name, before, after, after with every finding counted alike.
        groups: what groups the mammograms, which, number, patch AUC, interval, image AUC, interval.
        lesions: what groups the findings, which, number, sensitivity, interval.
        counts: name, number.
    """

    figures: list[tuple[str, str, str, str]]
    froc: list[tuple[str, ...]]
    calibration: list[tuple[str, str, str, str]]
    groups: list[tuple[str, ...]]
    lesions: list[tuple[str, ...]]
    counts: list[tuple[str, str]]
    split: str
    confidence: str


def has_current_metrics(run: RunFolder) -> bool:
    """Whether metrics.json is there and not older than the maps that it judges."""
    if not run.metrics.is_file():
        return False
    if not run.heatmap_summary.is_file():
        return True
    return run.metrics.stat().st_mtime_ns >= run.heatmap_summary.stat().st_mtime_ns


def read_results(run: RunFolder) -> Results | None:
    """The results of the run; None where it is not evaluated, or its maps are newer."""
    if not has_current_metrics(run):
        return None
    return results_of(json.loads(run.metrics.read_text(encoding="utf-8")))


def results_of(metrics: Mapping) -> Results:
    """The rows of a metrics.json, or of a crossval.json, which has its keys."""
    baselines = metrics.get("baselines", {})
    rows = [(title, metrics[key]) for key, title in NAMES.items() if key in metrics]
    rows += [(title, baselines[key]) for key, title in BASELINES.items() if key in baselines]
    confidence = metrics.get("bootstrap", {}).get("confidence", 0.95)
    return Results(
        figures=[_figure_row(title, figure) for title, figure in rows],
        froc=_froc_rows(metrics),
        calibration=_calibration_rows(metrics.get("calibration") or {}),
        groups=[_group_row(group) for group in metrics.get("groups", [])],
        lesions=[_lesion_row(group) for group in metrics.get(LESION_GROUPS, [])],
        counts=[(k.replace("_", " "), f"{v:,}") for k, v in metrics.get("counts", {}).items()],
        split=metrics.get("split", ""),
        confidence=f"{confidence:.0%}",
    )


def _froc_rows(metrics: Mapping) -> list[tuple[str, ...]]:
    others = (
        metrics.get("froc_normal_images", []),
        metrics.get("froc_regions_iou", {}).get("points", []),
    )
    by_rate = [{point["fp_per_image"]: _reached(point) for point in points} for points in others]
    return [
        (
            f"{point['fp_per_image']:g}",
            _reached(point),
            _interval(point),
            *(sensitivity.get(point["fp_per_image"], "") for sensitivity in by_rate),
        )
        for point in metrics.get("froc", [])
    ]


def _reached(point: dict) -> str:
    return number_text(point["sensitivity"]) + ("" if point.get("reached", True) else " *")


def _figure_row(title: str, figure: dict) -> tuple[str, str, str, str]:
    value = number_text(figure["value"])
    if figure["value"] is None and figure.get("reason"):
        value = f"undefined: {figure['reason']}"
    return title, value, _interval(figure), f"{figure['n']:,}"


def _group_row(group: dict) -> tuple[str, ...]:
    figures = [group[name] for name in ("patch_auc", "image_auc") if name in group]
    cells = [
        text for figure in figures for text in (number_text(figure["value"]), _interval(figure))
    ]
    return group["by"], group["group"], f"{group['images']:,}", *cells


def _lesion_row(group: dict) -> tuple[str, ...]:
    found = group["sensitivity"]
    name = group["group"] or "not said"
    return group["by"], name, f"{found['n']:,}", number_text(found["value"]), _interval(found)


def _calibration_rows(calibration: dict) -> list[tuple[str, str, str, str]]:
    before, after = calibration.get("before"), calibration.get("after")
    if not before or not after:
        return []
    alike = calibration.get("lesions_equal") or {}
    return [
        (
            title,
            value_text(before[key]),
            value_text(after[key]),
            value_text(alike[key]) if key in alike else "",
        )
        for key, title in CALIBRATION.items()
        if key in before and key in after
    ]


def value_text(value: Mapping | float | None) -> str:
    """A figure with its interval, or a number, or `undefined`."""
    if not isinstance(value, Mapping):
        return number_text(value, digits=4)
    interval = _interval(value)
    return number_text(value["value"]) + (f" ({interval})" if interval else "")


def number_text(value: float | None, *, digits: int = 3) -> str:
    """A number, or `undefined`."""
    return "undefined" if value is None else f"{value:.{digits}f}"


def _interval(figure: dict) -> str:
    if figure.get("low") is None or figure.get("high") is None:
        return ""
    return f"{figure['low']:.3f} to {figure['high']:.3f}"
