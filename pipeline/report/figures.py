"""What the report says about the results: the figures of metrics.json as rows of text."""

import json
from dataclasses import dataclass

from pipeline.run.layout import RunFolder

NAMES = {
    "patch_auc": "Positions: ROC AUC",
    "patch_ap": "Positions: average precision",
    "image_auc": "Mammograms: ROC AUC of the highest probability",
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
    "slope": "slope (ideal 1)",
    "observed_over_expected": "observed / expected (ideal 1)",
}


@dataclass(frozen=True)
class Results:
    """Rows of text for the tables of the results.

    Attributes:
        figures: name, value, interval, number of units.
        froc: false alarms per mammogram, sensitivity, interval.
        calibration: name, before, after.
        groups: what groups the mammograms, which, number, patch AUC, interval, image AUC, interval.
        counts: name, number.
    """

    figures: list[tuple[str, str, str, str]]
    froc: list[tuple[str, str, str]]
    calibration: list[tuple[str, str, str]]
    groups: list[tuple[str, ...]]
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
    metrics = json.loads(run.metrics.read_text(encoding="utf-8"))
    baselines = metrics.get("baselines", {})
    rows = [(title, metrics[key]) for key, title in NAMES.items() if key in metrics]
    rows += [(title, baselines[key]) for key, title in BASELINES.items() if key in baselines]
    confidence = metrics.get("bootstrap", {}).get("confidence", 0.95)
    return Results(
        figures=[_figure_row(title, figure) for title, figure in rows],
        froc=[
            (
                f"{point['fp_per_image']:g}",
                _number(point["sensitivity"]) + ("" if point.get("reached", True) else " *"),
                _interval(point),
            )
            for point in metrics.get("froc", [])
        ],
        calibration=_calibration_rows(metrics.get("calibration") or {}),
        groups=[_group_row(group) for group in metrics.get("groups", [])],
        counts=[(k.replace("_", " "), f"{v:,}") for k, v in metrics.get("counts", {}).items()],
        split=metrics.get("split", ""),
        confidence=f"{confidence:.0%}",
    )


def _figure_row(title: str, figure: dict) -> tuple[str, str, str, str]:
    value = _number(figure["value"])
    if figure["value"] is None and figure.get("reason"):
        value = f"undefined: {figure['reason']}"
    return title, value, _interval(figure), f"{figure['n']:,}"


def _group_row(group: dict) -> tuple[str, ...]:
    figures = [group[name] for name in ("patch_auc", "image_auc") if name in group]
    cells = [text for figure in figures for text in (_number(figure["value"]), _interval(figure))]
    return group["by"], group["group"], f"{group['images']:,}", *cells


def _calibration_rows(calibration: dict) -> list[tuple[str, str, str]]:
    before, after = calibration.get("before"), calibration.get("after")
    if not before or not after:
        return []
    return [
        (title, _with_interval(before[key]), _with_interval(after[key]))
        for key, title in CALIBRATION.items()
        if key in before and key in after
    ]


def _with_interval(value: dict | float | None) -> str:
    if not isinstance(value, dict):
        return _number(value, digits=4)
    interval = _interval(value)
    return _number(value["value"]) + (f" ({interval})" if interval else "")


def _number(value: float | None, *, digits: int = 3) -> str:
    return "undefined" if value is None else f"{value:.{digits}f}"


def _interval(figure: dict) -> str:
    if figure.get("low") is None or figure.get("high") is None:
        return ""
    return f"{figure['low']:.3f} to {figure['high']:.3f}"
