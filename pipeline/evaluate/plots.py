"""The plots of the evaluation: FROC, ROC, reliability."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from scipy.special import expit

from pipeline.evaluate.judge import Bootstrap, froc_band, searched_images
from pipeline.evaluate.load import UNKNOWN, Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.froc import FP_RATES, froc_curve, is_reached, sensitivity_at
from pipeline.figures.ranking import roc_auc, roc_curve
from pipeline.figures.reliability import reliability
from pipeline.figures.undefined import Undefined
from pipeline.run.atomic import write_atomic

DPI = 120


def draw_plots(judged: Judged, bootstrap: Bootstrap, folder: Path) -> list[Path]:
    """Draw what the data define into FOLDER/*.png and remove plots of an earlier evaluation.

    Returns:
        The files that were written.
    """
    drawn = []
    for name, draw in {"froc": _froc, "roc": _roc, "reliability": _reliability}.items():
        path = folder / f"{name}.png"
        try:
            drawing = _draw(judged, bootstrap, draw)
        except Undefined:
            path.unlink(missing_ok=True)  # metrics.json has the reason
            continue
        write_atomic(path, partial(drawing.savefig, dpi=DPI))
        drawn.append(path)
    return drawn


def _draw(
    judged: Judged, bootstrap: Bootstrap, draw: Callable[[Axes, Judged, Bootstrap], str]
) -> Drawing:
    drawing = Drawing(figsize=(6.0, 5.2), layout="constrained")
    axes = drawing.add_subplot()
    title = draw(axes, judged, bootstrap)
    synthetic = "SYNTHETIC DATA\n" if judged.is_synthetic else ""
    axes.set_title(f"{synthetic}{title}", fontsize=10)
    axes.grid(alpha=0.3)
    return drawing


def _froc(axes: Axes, judged: Judged, bootstrap: Bootstrap) -> str:
    searched = searched_images(match_candidates(judged), patients=judged.patients)
    matches = searched.matches
    rates, sensitivity = froc_curve(matches)
    shown = np.geomspace(0.05, FP_RATES[-1], 60)
    shown = shown[shown <= max(rates[-1], shown[0])]  # nothing beyond the last candidate
    band = froc_band(searched, bootstrap, shown)
    axes.fill_between(shown, band[:, 0], band[:, 1], step="post", alpha=0.25, lw=0)
    axes.step(rates, sensitivity, where="post")
    for rate in FP_RATES:
        fill = "C0" if is_reached(matches, rate) else "none"
        axes.plot(rate, sensitivity_at(matches, rate), "o", color="C0", mfc=fill)
    axes.set_xscale("log")
    axes.set_xlim(0.05, 10)
    axes.set_ylim(0, 1.02)
    axes.set_xticks(FP_RATES, ["1/4", "1/2", "1", "2", "4", "8"])
    axes.minorticks_off()
    axes.set_xlabel("false positives per image (open circle: never reached)")
    axes.set_ylabel("share of lesions found")
    return (
        f"FROC, {_split(judged)}: {len(matches.lesion_scores)} lesions, {matches.images} images, "
        f"{len(judged.patients)} patients\nband: {bootstrap.confidence:.0%} over patients"
    )


def _roc(axes: Axes, judged: Judged, bootstrap: Bootstrap) -> str:
    positions = judged.positions
    _roc_line(axes, positions["label"].to_numpy(), positions["logit"].to_numpy(), "positions")
    known = judged.images[judged.images["truth"] != UNKNOWN]
    if known["truth"].nunique() == 2:
        _roc_line(axes, known["truth"].to_numpy(), known["logit"].to_numpy(), "images")
    axes.plot([0, 1], [0, 1], color="grey", lw=0.8, ls="--")
    axes.set_xlabel("share of the negatives called positive")
    axes.set_ylabel("share of the positives called positive")
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize=9)
    return f"ROC, {_split(judged)}: {len(judged.patients)} patients"


def _roc_line(axes: Axes, labels: np.ndarray, scores: np.ndarray, unit: str) -> None:
    if not len(labels):
        raise Undefined("an ROC curve needs positions")
    false_rate, true_rate = roc_curve(labels, scores)
    name = f"{unit}: AUC {roc_auc(labels, scores):.3f}, n = {len(labels):,}"
    axes.plot(false_rate, true_rate, label=f"{name} ({labels.sum():,} positive)")


def _reliability(axes: Axes, judged: Judged, bootstrap: Bootstrap) -> str:
    labels = judged.positions["label"].to_numpy()
    if not len(labels):
        raise Undefined("a reliability diagram needs positions")
    table = reliability(expit(judged.positions["logit"].to_numpy()), labels)
    limit = 1.05 * max(table.mean_probability.max(), table.observed.max())
    axes.plot([0, limit], [0, limit], color="grey", lw=0.8, ls="--", label="ideal")
    axes.plot(table.mean_probability, table.observed, "o-", label="calibrated, equal-mass bins")
    axes.set_xlabel("mean probability in the bin")
    axes.set_ylabel("share of positive positions")
    axes.set_aspect("equal")
    axes.legend(fontsize=9)
    return (
        f"Reliability, {_split(judged)}: {len(judged.patients)} patients\n"
        f"{len(labels):,} positions, {labels.mean():.2%} positive"
    )


def _split(judged: Judged) -> str:
    return "all patients" if judged.split == "all" else f"{judged.split} patients"
