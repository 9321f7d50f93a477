"""The plots of the evaluation: FROC, ROC, precision and recall, reliability, decisions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter, PercentFormatter
from scipy.special import expit, logit

from pipeline.evaluate.judge import Bootstrap, reliability_bins, scored_positions, scored_units
from pipeline.evaluate.load import UNKNOWN, Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.figures.bootstrap import Scored
from pipeline.figures.decision_curve import net_benefit, net_benefit_of_all, net_benefit_samples
from pipeline.figures.figure import Undefined, percentile_interval
from pipeline.figures.froc import FP_RATES, froc_curve, is_reached, sensitivity_at
from pipeline.figures.ranking import average_precision, precision_recall_curve, roc_auc, roc_curve
from pipeline.figures.ranking_bootstrap import froc_samples
from pipeline.figures.registry import Need
from pipeline.run.atomic import write_atomic

DRAWN_THRESHOLDS = np.linspace(0.01, 0.6, 60)
TICKS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
    *(0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999),
)
MOST_TICKS = 7


@dataclass(frozen=True)
class Look:
    """How a plot is drawn, whatever it shows."""

    size_inch: tuple[float, float]  # width and height
    rc: dict[Any, Any]  # settings of matplotlib, fonts for instance
    titled: bool  # the title stands in the plot; otherwise in a caption
    save: Mapping[str, Any]  # options of `savefig`


SVG = {"format": "svg", "metadata": {"Date": None}}  # the same plot is the same file
SCREEN = Look(
    (6.0, 5.2),
    rc={"axes.titlesize": "medium", "legend.fontsize": "small", "svg.hashsalt": "plot"},
    titled=True,
    save=SVG,
)


def draw_plots(judged: Judged, bootstrap: Bootstrap, folder: Path) -> list[Path]:
    """Draw what the data define into FOLDER/*.svg and remove plots of an earlier evaluation."""
    paths = {name: folder / f"{name}.svg" for name in PLOTS}
    titles = {name: draw_plot(name, judged, bootstrap, paths[name]) for name in PLOTS}
    return [paths[name] for name, title in titles.items() if title]


def draw_plot(
    name: str, judged: Judged, bootstrap: Bootstrap, path: Path, *, look: Look = SCREEN
) -> str:
    """Draw one of PLOTS into a file.

    Returns:
        Its title; "" where the data do not define the plot, and the file is removed.
    """
    with matplotlib.rc_context(look.rc):
        drawing = Drawing(figsize=look.size_inch, layout="constrained")
        axes = drawing.add_subplot()
        try:
            title = PLOTS[name](axes, judged, bootstrap)
        except Undefined:
            path.unlink(missing_ok=True)  # metrics.json has the reason
            return ""
        synthetic = ["SYNTHETIC DATA"] if judged.is_synthetic else []
        axes.set_title("\n".join(synthetic + [title] * look.titled))
        axes.grid(alpha=0.3)
        write_atomic(path, partial(drawing.savefig, **look.save))
    return title


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
    axes.set_xlabel("false alarms per mammogram (open circle: never reached)")
    axes.set_ylabel("share of findings found")
    return (
        f"FROC, {_split(judged)}: {len(matches.lesion_scores)} findings, {matches.images} "
        f"mammograms, {len(judged.patients)} patients\n"
        f"band: {bootstrap.confidence:.0%} over patients"
    )


def _roc(axes: Axes, judged: Judged, bootstrap: Bootstrap) -> str:
    known = judged.images[judged.images["truth"] != UNKNOWN]
    curves = [("positions", judged.positions, "label", "logit")]
    if known["truth"].nunique() == 2:
        curves.append(("mammograms", known, "truth", "score"))
    if not len(judged.positions):
        raise Undefined("an ROC curve needs positions")
    for unit, table, truth, score in curves:
        labels, scores = table[truth].to_numpy(), table[score].to_numpy()
        name = f"{unit}: AUC {roc_auc(labels, scores):.3f}, n = {len(labels):,}"
        line = f"{name} ({labels.sum():,} positive)"
        axes.plot(*roc_curve(labels, scores), label=line)
    axes.plot([0, 1], [0, 1], color="grey", lw=0.8, ls="--")
    axes.set_xlabel("share of the negatives called positive")
    axes.set_ylabel("share of the positives called positive")
    axes.set_aspect("equal")
    axes.legend(loc="lower right")
    return f"ROC, {_split(judged)}: {len(judged.patients)} patients"


def _reliability(axes: Axes, judged: Judged, bootstrap: Bootstrap) -> str:
    rows = reliability_bins(judged, bootstrap)
    labels = judged.positions["label"]
    promised = logit([row["mean_probability"] for row in rows])
    prior, threshold = judged.card.calibration.natural_prior, judged.card.region_threshold
    ticks = [t for t in TICKS if t > prior / 20]
    bottom, top = logit([prior / 20, max(TICKS[-1], rows[-1]["mean_probability"])])

    def place(share: float | None, *, unknown: float) -> float:
        """Where a share lies in the plot; 0 and 1 at its edges."""
        return unknown if share is None else float(np.clip(logit(share), bottom, top))

    axes.plot([bottom, top], [bottom, top], color="grey", lw=0.8, ls="--", label="ideal")
    axes.axvspan(
        logit(threshold), top + 0.3, color="C1", alpha=0.12, lw=0, label="regions are drawn here"
    )
    middle = [place(row["observed"], unknown=bottom) for row in rows]
    low = [place(row["low"], unknown=at) for row, at in zip(rows, middle, strict=True)]
    high = [place(row["high"], unknown=at) for row, at in zip(rows, middle, strict=True)]
    at = np.maximum(promised, bottom)
    axes.vlines(at, low, high, color="C0", lw=1.5)
    axes.plot(at, middle, "o-", color="C0", lw=0.8, label="positions of like probability")
    for x, row in zip(at, rows, strict=True):
        axes.annotate(
            f"{row['lesions']}",
            (x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, -4),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize="x-small",
        )
    names = [f"{100 * t:g} %" for t in ticks]
    axes.set_xticks(logit(ticks), names, rotation=90)  # side by side they would not fit
    axes.set_yticks(logit(ticks), names)
    axes.set_xlim(bottom - 0.3, top + 0.3)
    axes.set_ylim(bottom - 0.3, top + 0.8)
    axes.set_xlabel("probability shown (log odds); at the top: findings behind the positives")
    axes.set_ylabel("share of positions that are abnormal")
    axes.legend(loc="upper left", bbox_to_anchor=(0, 0.94), fontsize="small")
    return (
        f"Reliability, {_split(judged)}: {len(judged.patients)} patients, {judged.lesions} "
        f"findings\n{len(labels):,} positions, {labels.mean():.2%} positive; "
        f"bars: {bootstrap.confidence:.0%} over patients"
    )


def _precision_recall(axes: Axes, judged: Judged, bootstrap: Bootstrap) -> str:
    of_unit = {"positions": scored_positions, "mammograms": _scored_images}
    for unit, scored in of_unit.items():
        try:
            cases = scored(judged)
            curve = precision_recall_curve(cases.labels, cases.scores)
            average = average_precision(cases.labels, cases.scores)
        except Undefined:
            continue
        share = cases.labels.mean()
        (line,) = axes.step(
            *curve,
            where="post",
            label=f"{unit}: average precision {average:.3f}, {share:.2%} positive",
        )
        axes.axhline(share, color=line.get_color(), lw=0.8, ls="--")
    if not axes.lines:
        raise Undefined("a curve of precision and recall needs positives")
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("share of the positives called positive (recall)")
    axes.set_ylabel("share of these calls that are right (precision)")
    axes.legend()
    return (
        f"Precision and recall, {_split(judged)}: {len(judged.patients)} patients\ndashed: chance"
    )


def _decision_curve(axes: Axes, judged: Judged, bootstrap: Bootstrap) -> str:
    images = _images_of_both_outcomes(judged)
    benefit = [net_benefit(images.labels, expit(images.scores), t) for t in DRAWN_THRESHOLDS]
    of_all = [net_benefit_of_all(images.labels, t) for t in DRAWN_THRESHOLDS]
    samples = (net_benefit_samples(images, bootstrap.weights, t) for t in DRAWN_THRESHOLDS)
    if len(judged.patients) > 1:
        band = [percentile_interval(at, confidence=bootstrap.confidence) for at in samples]
        axes.fill_between(DRAWN_THRESHOLDS, *np.transpose(band), alpha=0.25, lw=0)
    axes.plot(DRAWN_THRESHOLDS, benefit, label="act from this probability on")
    axes.plot(DRAWN_THRESHOLDS, of_all, color="grey", lw=0.8, ls="--", label="act on all")
    axes.axhline(0, color="grey", lw=0.8, label="act on none")
    top = max(images.labels.mean(), *benefit)
    axes.set_ylim(-0.25 * top, 1.1 * top)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("probability from which one would act")
    axes.set_ylabel("net benefit, true positives per mammogram")
    axes.legend()
    return (
        f"Decision curve, {_split(judged)}: {_mammograms(images)}\nprobability: the mammogram's "
        f"score; band: {bootstrap.confidence:.0%} over patients"
    )


def _distribution(axes: Axes, judged: Judged, bootstrap: Bootstrap) -> str:
    images = _images_of_both_outcomes(judged)
    edges = np.histogram_bin_edges(images.scores, bins=20)
    for name, label, sign in (("abnormal", 1, 1), ("normal", 0, -1)):
        count, _ = np.histogram(images.scores[images.labels == label], edges)
        axes.stairs(sign * count / count.sum(), edges, fill=True, alpha=0.6, label=name)
    axes.axhline(0, color="grey", lw=0.8)
    shown = ticks_apart(edges[0], edges[-1])
    axes.set_xticks(logit(shown), [f"{100 * p:g} %" for p in shown])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{abs(share):.0%}"))
    axes.set_xlabel("score of the mammogram as a probability, log-odds scale")
    axes.set_ylabel("share of the mammograms of this outcome")
    axes.legend()
    return f"Probabilities by outcome, {_split(judged)}: {_mammograms(images)}"


def ticks_apart(low: float, high: float) -> list[float]:
    """Those of TICKS between two log odds whose names, side by side, do not run into each other."""
    shown: list[float] = []
    for share in TICKS:
        is_apart = not shown or logit(share) - logit(shown[-1]) >= (high - low) / MOST_TICKS
        if low <= logit(share) <= high and is_apart:
            shown.append(share)
    return shown


def _images_of_both_outcomes(judged: Judged) -> Scored:
    images = _scored_images(judged)
    if len(np.unique(images.labels)) < 2:
        raise Undefined("it needs abnormal and normal mammograms")
    return images


def _scored_images(judged: Judged) -> Scored:
    return scored_units(judged, Need.IMAGES)


def _mammograms(images: Scored) -> str:
    return f"{len(images)} mammograms, {int(images.labels.sum())} abnormal"


PLOTS: dict[str, Callable[[Axes, Judged, Bootstrap], str]] = {
    "froc": _froc,
    "roc": _roc,
    "precision-recall": _precision_recall,
    "reliability": _reliability,
    "decision-curve": _decision_curve,
    "distribution": _distribution,
}


def _split(judged: Judged) -> str:
    return "all patients" if judged.split == "all" else f"{judged.split} patients"
