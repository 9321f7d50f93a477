"""The plots of the evaluation: FROC, ROC, reliability."""

from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from scipy.special import expit

from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import UNKNOWN, Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.bootstrap import froc_samples
from pipeline.figures.figure import Undefined, percentile_interval
from pipeline.figures.froc import FP_RATES, froc_curve, is_reached, sensitivity_at
from pipeline.figures.ranking import roc_auc, roc_curve
from pipeline.figures.reliability import reliability
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
        drawing = Drawing(figsize=(6.0, 5.2), layout="constrained")
        axes = drawing.add_subplot()
        try:
            title = draw(axes, judged, bootstrap)
        except Undefined:
            path.unlink(missing_ok=True)  # metrics.json has the reason
            continue
        synthetic = "SYNTHETIC DATA\n" if judged.is_synthetic else ""
        axes.set_title(f"{synthetic}{title}", fontsize=10)
        axes.grid(alpha=0.3)
        write_atomic(path, partial(drawing.savefig, dpi=DPI))
        drawn.append(path)
    return drawn


def _froc(axes: Axes, judged: Judged, bootstrap: Bootstrap) -> str:
    matched = match_candidates(judged)
    matches = matched.matches
    rates, sensitivity = froc_curve(matches)
    shown = np.geomspace(0.05, FP_RATES[-1], 60)
    shown = shown[shown <= max(rates[-1], shown[0])]  # nothing beyond the last candidate
    samples = froc_samples(matched, bootstrap.weights, rates=shown.tolist()).T
    band = [percentile_interval(at, confidence=bootstrap.confidence) for at in samples]
    low, high = np.transpose(band)
    axes.fill_between(shown, low, high, step="post", alpha=0.25, lw=0)
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
    known = judged.images[judged.images["truth"] != UNKNOWN]
    curves = [("positions", judged.positions, "label")]
    if known["truth"].nunique() == 2:
        curves.append(("images", known, "truth"))
    if not len(judged.positions):
        raise Undefined("an ROC curve needs positions")
    for unit, table, truth in curves:
        labels, scores = table[truth].to_numpy(), table["logit"].to_numpy()
        name = f"{unit}: AUC {roc_auc(labels, scores):.3f}, n = {len(labels):,}"
        line = f"{name} ({labels.sum():,} positive)"
        axes.plot(*roc_curve(labels, scores), label=line)
    axes.plot([0, 1], [0, 1], color="grey", lw=0.8, ls="--")
    axes.set_xlabel("share of the negatives called positive")
    axes.set_ylabel("share of the positives called positive")
    axes.set_aspect("equal")
    axes.legend(loc="lower right", fontsize=9)
    return f"ROC, {_split(judged)}: {len(judged.patients)} patients"


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
