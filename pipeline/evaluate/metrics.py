"""The content of metrics.json: every figure of the registry, and what it rests on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial

import numpy as np

from pipeline.config import EvaluateSettings
from pipeline.evaluate.groups import image_groups, lesion_groups
from pipeline.evaluate.judge import (
    Bootstrap,
    decision_points,
    froc_points,
    judge_metrics,
    probability_figures,
    reliability_bins,
    scored_positions,
)
from pipeline.evaluate.lesions import worst_errors
from pipeline.evaluate.load import ABNORMAL, NORMAL, Judged, finding_ids, has_known_truth
from pipeline.figures.bootstrap import Scored
from pipeline.figures.figure import Figure, Undefined
from pipeline.figures.ranking_bootstrap import auc_samples
from pipeline.figures.registry import (
    METRICS,
    Place,
    headline_figures,
    probability_metrics,
    ranking_metrics,
)
from pipeline.model.fit_calibration import alike_weights
from pipeline.pages.filters import figure_text
from pipeline.run.code import provenance
from pipeline.run.hardware import hardware
from pipeline.run.progress import Plan
from pipeline.run.words import aligned

FIGURES, BASELINES, CALIBRATION = "figures with intervals", "baselines", "calibration"


def evaluation_plan(title: str, judged: Judged, *, after: Mapping[str, float]) -> Plan:
    """The parts of `compute_metrics` and what comes after it, with their seconds."""
    positions = len(judged.positions)
    first = {
        FIGURES: 4e-5 * positions,
        BASELINES: 4 + 5e-5 * positions,
        CALIBRATION: 6e-5 * positions,
    }
    return Plan(title, {**first, **after})


def compute_metrics(
    judged: Judged,
    bootstrap: Bootstrap,
    settings: EvaluateSettings,
    baselines: Mapping[str, Callable[[], np.ndarray]],
    say: Callable[[str], None] = lambda part: None,
) -> dict:
    """The content of metrics.json.

    Args:
        baselines: for each a function that scores the judged positions.
        say: is told of each part of the work that begins: the first three of `evaluation_plan`.
    """
    say(FIGURES)
    figures = {
        name: figure.as_dict()
        for name, figure in judge_metrics(ranking_metrics(), judged, bootstrap).items()
    } | froc_points(judged, bootstrap)
    say(BASELINES)
    rows = baseline_rows(judged, bootstrap, baselines)
    say(CALIBRATION)
    return {
        "split": judged.split,
        "seed": settings.seed,
        "rule": rule(judged),
        **figures,
        "baselines": rows,
        "calibration": calibration_summary(judged, bootstrap),
        "decision_curve": decision_points(judged, bootstrap),
        "groups": image_groups(judged, bootstrap),
        "lesion_groups_at_1_fp_per_image": lesion_groups(judged, bootstrap),
        "worst": worst_errors(judged),
        "counts": counts(judged),
        "prevalence": float(judged.positions["label"].mean()) if len(judged.positions) else None,
        "units": {metric.name: metric.needs.value for metric in ranking_metrics()},
        "bootstrap": {"samples": settings.bootstrap, "confidence": settings.confidence},
        "synthetic": judged.is_synthetic,
        "model_sha256": judged.card.sha256,
        **provenance(),
        "hardware": hardware(),
    }


def rule(judged: Judged) -> dict:
    """What the figures mean: the label rule with its lengths, and the rules of images and hits."""
    return {
        "position": (
            "positive: the centre lies in an outline that counts (of a circle within circle_share "
            "of its radius; at least min_radius_mm); ignored: not positive and within ignore_mm of "
            "any outline; negative: the rest of the breast, of images that are not fully outlined "
            "nothing; air is not judged"
        ),
        **judged.card.labels.model_dump(mode="json"),
        "promise": (
            "expected: the sum of the probabilities as they are shown; observed: positive "
            "positions, peaks of regions and points of candidates in a finding that counts; left "
            "out: what lies in a finding that does not count, and what misses where not "
            "everything is outlined"
        ),
        "image": (
            "abnormal: has a finding that counts; normal: known to be; score: that of its best "
            "candidate"
        ),
        "decision_curve": (
            "value: net benefit, true positives per mammogram less false ones by threshold / (1 - "
            "threshold), of acting where its score reaches the threshold; of_all: of acting on all"
        ),
        "hit": (
            "a candidate (the highest place of the map, which is lowered around it before the "
            "next is taken) hits a lesion when its point lies inside the outline, of a circle the "
            "whole disc; an outline counts as at least labels.min_radius_mm in radius; best score "
            "per lesion; further hits are no false positives; candidates in findings that do not "
            "count are neither; where not everything is outlined, lesions count, and nothing else "
            "is a false alarm or makes the rate per image smaller"
        ),
        "froc_point": (
            "sensitivity with at most that many false positives per image; reached=false: all "
            "candidates together make fewer, and the sensitivity is that of all of them"
        ),
    }


def counts(judged: Judged) -> dict[str, int]:
    """How much the figures rest on."""
    images, positions = judged.images, judged.positions
    outlines = [o for i in images["image_id"] for o in judged.outlines[i]]
    return {
        "patients": len(judged.patients),
        "patients_abnormal": int(images[images["truth"] == ABNORMAL]["patient_id"].nunique()),
        "images": len(images),
        "images_abnormal": int(np.sum(images["truth"] == ABNORMAL)),
        "images_normal": int(np.sum(images["truth"] == NORMAL)),
        "images_without_known_truth": int(np.sum(~has_known_truth(images))),
        "positions": len(positions),
        "positives": int(np.sum(positions["label"] == 1)),
        "lesions": sum(o.positive for o in outlines),
        "findings_that_do_not_count": sum(not o.positive for o in outlines),
    }


def baseline_rows(
    judged: Judged, bootstrap: Bootstrap, baselines: Mapping[str, Callable[[], np.ndarray]]
) -> dict[str, dict]:
    """Patch AUC of each baseline; beside it its average precision and the network's lead."""
    rows = {}
    network = cache(lambda: scored_positions(judged).falling())
    samples = cache(lambda: auc_samples(network(), bootstrap.weights))
    for name, score in baselines.items():
        try:
            if judged.positions["label"].nunique() < 2:
                raise Undefined("there are not positions of both classes")
            others = scored_positions(judged).scored_by(score()).falling()
        except Undefined as why:
            rows[name] = Figure(reason=str(why)).as_dict()
            continue
        rows[name] = _beside(others, network(), samples, bootstrap)
    return rows


def _beside(
    others: Scored, network: Scored, samples: Callable[[], np.ndarray], bootstrap: Bootstrap
) -> dict:
    """Other scores, and the lead of the network in ROC AUC on the same drawn patients."""
    auc = METRICS["patch_auc"].value
    of_others = cache(partial(auc_samples, others, bootstrap.weights))
    lead = bootstrap.figure(
        lambda: auc(network) - auc(others), lambda: samples() - of_others(), n=len(network)
    )
    return {
        **bootstrap.figure(partial(auc, others), of_others, n=len(others)).as_dict(),
        "patch_ap": bootstrap.judge(METRICS["patch_ap"], others).as_dict(),
        "lead_of_the_network": lead.as_dict(),
    }


def calibration_summary(judged: Judged, bootstrap: Bootstrap) -> dict:
    """Calibration at natural frequency: of the trained logits, of the probabilities as they are
    shown, and of these with every lesion counted alike, which leaves the number of positives."""
    try:
        positions = scored_positions(judged)
    except Undefined as why:
        return {"before": None, "after": None, "lesions_equal": None, "reason": str(why)}
    before = positions.scored_by(judged.positions["trained_logit"].to_numpy())
    after = positions.scored_by(judged.positions["shown_logit"].to_numpy())
    alike = replace(after, weights=alike_weights(after.labels, finding_ids(judged.positions)))
    return {
        "before": probability_figures(before, bootstrap),
        "after": probability_figures(after, bootstrap),
        "lesions_equal": {
            metric.name: bootstrap.judge(metric, alike).as_dict()
            for metric in probability_metrics()
            if metric.with_interval
        },
        "reliability": reliability_bins(judged, bootstrap),
    }


def summary_text(metrics: dict) -> str:
    """What was judged and the main figures, a line each, for the terminal."""
    count = metrics["counts"]
    judged = f"{count['images']} mammograms of {count['patients']} patients"
    main = [metric for metric in ranking_metrics(within=Place.SUMMARY) if metric.name in metrics]
    if all(metrics[metric.name]["value"] is None for metric in main):
        return f"nothing to evaluate: no finding that counts on {judged}; metrics.json says so"
    shown = []
    for metric in main:
        figure = metrics[metric.name]
        lacks_interval = figure["value"] is not None and figure["low"] is None
        note = " (no interval)" if lacks_interval else ""
        shown.append((f"  {metric.title}", f"{figure_text(figure)}{note}"))
    rests_on = f"{judged}, {count['lesions']} lesions, {count['positions']:,} positions"
    return f"{rests_on}\n{aligned(shown)}"


def tracked_numbers(metrics: dict) -> dict[str, float]:
    """Flat numbers for the event log; undefined ones are left out."""
    flat: dict[str, float | None] = {f"judged_{k}": n for k, n in metrics["counts"].items()}
    ranking = {metric.name: metrics[metric.name] for metric in ranking_metrics()}
    for name, figure in (ranking | headline_figures(metrics)).items():
        flat |= {f"{name}/{k}": figure[k] for k in ("value", "low", "high")}
    for name, row in metrics["baselines"].items():
        flat[f"baseline_{name}/patch_auc"] = row["value"]
    for point in metrics["froc"]:
        flat[f"froc/sensitivity_at_{point['fp_per_image']:g}"] = point["sensitivity"]
    for metric in probability_metrics(within=Place.STUDY):
        if not metric.with_interval:
            for when in ("before", "after"):
                number = (metrics["calibration"][when] or {}).get(metric.name)
                flat[f"calibration_{when}/{metric.name}"] = number
    return {name: value for name, value in flat.items() if value is not None}
