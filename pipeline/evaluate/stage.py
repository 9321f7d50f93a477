"""The evaluate stage: reads the files of heatmap and preprocess, writes the figures.

Reads   RUN/{images,candidates,regions,mammograms}.csv, predictions.parquet, outlines.json, the
        model's card; for the baselines the training positions and the store
Writes  RUN/metrics.json, RUN/plots/*.png, and completes RUN/report.html and RUN/model-card.md
"""

import datetime
import sys
from collections.abc import Callable, Mapping

import numpy as np

from pipeline.config import EvaluateSettings
from pipeline.evaluate.baselines import baseline_scores
from pipeline.evaluate.calibration import calibration_summary
from pipeline.evaluate.groups import image_groups, lesion_groups
from pipeline.evaluate.judge import (
    UNITS,
    Bootstrap,
    froc_figures,
    gain_over,
    image_figures,
    patch_figures,
)
from pipeline.evaluate.lesions import HIT_RULE
from pipeline.evaluate.load import ABNORMAL, NORMAL, Judged, has_known_truth, load_judged
from pipeline.evaluate.plots import draw_plots
from pipeline.evaluate.worst import draw_worst, worst_errors
from pipeline.figures.figure import undefined_figure
from pipeline.figures.undefined import Undefined
from pipeline.model.seen_patients import (
    calibration_patients,
    flattery,
    learnt_by_heart,
    training_patients,
)
from pipeline.report.model_card import write_model_card
from pipeline.report.page import write_report
from pipeline.report.results import hardware
from pipeline.run.atomic import json_text, write_text
from pipeline.run.errors import UserError
from pipeline.run.stage import Stage, git_commit


def evaluate(stage: Stage) -> str:
    """Judge the maps of a run; returns the summary line.

    Raises:
        UserError: the heatmap stage is not done, or has no image to judge.
    """
    run, settings = stage.run, stage.settings.evaluate
    judged = load_judged(run)
    if not len(judged.images):
        raise UserError(
            f"{run.images} has no mammogram of the {judged.split} patients, so there is nothing "
            "to evaluate. Give split.test a larger share, or more patients."
        )
    bootstrap = Bootstrap.of(judged, settings)
    baselines = baseline_scores(judged, seed=settings.seed)
    same = calibration_patients(judged.card, judged.images)
    seen = training_patients(judged.card, judged.images)
    metrics = {
        **compute_metrics(judged, bootstrap, settings, baselines),
        "natural_prior": judged.card.calibration.natural_prior,
        "patients_of_the_calibration": same,
        "patients_of_the_training": seen,
    }
    plots = draw_plots(judged, bootstrap, run.plots)
    plots += draw_worst(judged, metrics["worst"], run.plots)
    write_text(run.metrics, json_text(metrics))
    write_report(run)
    stage.events.metrics(_for_tracking(metrics))
    stage.events.artifact(run.metrics)
    stage.events.artifact(run.report)
    stage.events.artifact(write_model_card(run))
    for plot in plots:
        stage.events.artifact(plot, folder="plots")
    if same:
        warning = flattery(same, of=len(judged.patients))
        print(f"evaluate: warning: {warning}", file=sys.stderr, flush=True)
    if seen:
        warning = learnt_by_heart(seen, of=len(judged.patients))
        print(f"evaluate: warning: {warning}", file=sys.stderr, flush=True)
    return summary_line(metrics)


def compute_metrics(
    judged: Judged,
    bootstrap: Bootstrap,
    settings: EvaluateSettings,
    baselines: Mapping[str, Callable[[], np.ndarray]],
) -> dict:
    """The content of metrics.json.

    Args:
        baselines: for each a function that scores the judged positions.
    """
    logits = judged.positions["logit"].to_numpy()
    figures = patch_figures(judged, logits, bootstrap) | image_figures(judged, bootstrap)
    commit, dirty = git_commit()
    return {
        "split": judged.split,
        "seed": settings.seed,
        "rule": rule(judged),
        **{name: figure.as_dict() for name, figure in figures.items()},
        **froc_figures(judged, bootstrap),
        "baselines": baseline_rows(judged, bootstrap, baselines),
        "calibration": calibration_summary(judged, bootstrap),
        "groups": image_groups(judged, bootstrap),
        "lesion_groups_at_1_fp_per_image": lesion_groups(judged, bootstrap),
        "worst": worst_errors(judged),
        "counts": counts(judged),
        "prevalence": float(judged.positions["label"].mean()) if len(judged.positions) else None,
        "units": UNITS,
        "bootstrap": {"samples": settings.bootstrap, "confidence": settings.confidence},
        "synthetic": judged.is_synthetic,
        "model_sha256": judged.card.sha256,
        "commit": commit + ("-dirty" if dirty else ""),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
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
        **judged.labels.model_dump(mode="json"),
        "image": "abnormal: has a finding that counts; normal: known to be; score: the maximum",
        "hit": HIT_RULE,
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
        "lesions": sum(o["positive"] for o in outlines),
        "findings_that_do_not_count": sum(not o["positive"] for o in outlines),
    }


def baseline_rows(
    judged: Judged, bootstrap: Bootstrap, baselines: Mapping[str, Callable[[], np.ndarray]]
) -> dict[str, dict]:
    """Patch AUC of each baseline; beside it its average precision and the network's lead."""
    rows = {}
    for name, score in baselines.items():
        if judged.positions["label"].nunique() < 2:
            rows[name] = undefined_figure("there are not positions of both classes").as_dict()
            continue
        try:
            scores = score()
        except Undefined as why:
            rows[name] = undefined_figure(str(why)).as_dict()
            continue
        figures = patch_figures(judged, scores, bootstrap)
        rows[name] = {
            **figures["patch_auc"].as_dict(),
            "patch_ap": figures["patch_ap"].as_dict(),
            "lead_of_the_network": gain_over(judged, scores, bootstrap).as_dict(),
        }
    return rows


def summary_line(metrics: dict) -> str:
    """One line for the terminal."""
    count = metrics["counts"]
    judged = f"{count['images']} mammograms of {count['patients']} patients"
    if all(metrics[name]["value"] is None for name in ("patch_auc", "image_auc", "mean_froc")):
        return f"nothing to evaluate: no finding that counts on {judged}; metrics.json says so"
    shown = ", ".join(
        f"{name.replace('_', ' ')} {_shown(metrics[name])}"
        for name in ("patch_auc", "patch_ap", "image_auc", "mean_froc")
    )
    return f"{shown}; {judged}, {count['lesions']} lesions, {count['positions']:,} positions"


def _shown(figure: dict) -> str:
    if figure["value"] is None:
        return "undefined"
    if figure["low"] is None:
        return f"{figure['value']:.3f} (no interval)"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _for_tracking(metrics: dict) -> dict[str, float]:
    """Flat numbers for the event log; undefined ones are left out."""
    flat = {}
    for name in UNITS:
        flat |= {f"{name}/{k}": metrics[name][k] for k in ("value", "low", "high")}
    for name, row in metrics["baselines"].items():
        flat[f"baseline_{name}/patch_auc"] = row["value"]
    for point in metrics["froc"]:
        flat[f"froc/sensitivity_at_{point['fp_per_image']:g}"] = point["sensitivity"]
    for when in ("before", "after"):
        for name in ("log_loss", "brier", "ece"):
            flat[f"calibration_{when}/{name}"] = (metrics["calibration"][when] or {}).get(name)
    return {name: value for name, value in flat.items() if value is not None}
