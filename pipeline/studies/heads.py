"""Two softmax units or one sigmoid? Both as people write them, and both matched.

A softmax over two units is the sigmoid of their difference. With the same loss its head learns
at twice the rate of the one unit, its L2 acts at half the strength, and Glorot's first weights
give logits sqrt(2) wider. So the third arm is the one sigmoid with exactly these three things
taken over: it should do what the softmax does.

Reads   RUN/settings
Writes  RUN/heads/<arm>-<seed>, a run folder each; RUN/heads.json, RUN/heads.html
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.config import EvaluateSettings
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import load_judged
from pipeline.figures.figure import percentile_interval
from pipeline.figures.registry import METRICS, Place, compared_metrics, probability_metrics
from pipeline.model.card import read_card
from pipeline.pages.template import render
from pipeline.run.atomic import read_json, write_json, write_text
from pipeline.run.events import last_finished
from pipeline.run.layout import RunFolder
from pipeline.run.stage import Stage
from pipeline.studies.compare import Estimate, estimates_of
from pipeline.studies.subruns import RunStages, run_stages
from pipeline.studies.variants import SHORT, Runs, run_variants, schedule_of

ARMS = {
    "softmax": {"network.head": "softmax"},
    "sigmoid": {"network.head": "sigmoid"},
    "sigmoid_matched": {
        "network.head": "sigmoid",
        "network.head_start": "softmax",
        "train.head_rate": "2",
        "train.head_decay": "0.5",
    },
}
OTHER_ARMS = {
    "softmax_kinds": {"network.head": "softmax_kinds"},
    "sigmoid_kinds": {"network.head": "sigmoid_kinds"},
}
PAIRS = (("sigmoid", "softmax"), ("sigmoid_matched", "softmax"))
SHORT_HEADS = SHORT | {"maps.flips": "1", "maps.zooms": "1"}
SAME = 0.01
RULE = (
    "On patch AUC, mean difference over the seeds: different where its 95 % interval leaves out 0; "
    f"else the same where the interval lies within -{SAME:g} to {SAME:g}; else undecided. The "
    "interval is over patients and seeds drawn together."
)
PAGE = Path(__file__).parent / "heads.html"

# A figure of each seed, (seeds,), and its bootstrap samples, (seeds, samples).
OverSeeds = tuple[np.ndarray, np.ndarray]


def compare_heads(
    stage: Stage,
    *,
    seeds: int,
    full: bool = False,
    kinds: bool = False,
    run_stages: RunStages = run_stages,
) -> str:
    """Train every arm with every seed where that is not done yet, and judge them.

    Args:
        seeds: number of paired seeds.
        full: the schedule of CONFIG instead of the short one.
        kinds: also the two heads that tell kinds of findings apart.
    """
    run = stage.run
    runs, facts = run_variants(
        stage,
        "heads",
        ARMS | (OTHER_ARMS if kinds else {}),
        seeds=seeds,
        schedule=schedule_of(run, SHORT_HEADS, full=full),
        upto="evaluate",
        run_stages=run_stages,
    )
    content = judge_heads(runs, facts, stage.settings.evaluate)
    write_json(run.heads, content)
    titles = {name: metric.title for name, metric in METRICS.items()} | {
        "train_seconds": "seconds of training",
        "peak_memory_mib": "MiB of memory",
    }
    page = render(PAGE, name=run.root.name, heads=content, titles=titles)
    write_text(run.heads_page, page)
    stage.events.artifact(run.heads)
    stage.events.artifact(run.heads_page)
    return " ".join(content["verdicts"].values())


def judge_heads(runs: Runs, facts: Mapping, settings: EvaluateSettings) -> dict:
    """The content of heads.json from the finished runs."""
    first = load_judged(next(iter(runs.values()))[0])
    bootstrap = Bootstrap.of(first, settings)
    names = [metric.name for metric in compared_metrics()]
    found = {}
    for arm, of_seeds in runs.items():
        estimates = [estimates_of(load_judged(run), bootstrap) for run in of_seeds]
        found[arm] = {name: _over_seeds([e[name] for e in estimates]) for name in names}
    seeds = len(estimates)
    drawn = np.random.default_rng([settings.seed, 1]).integers(
        seeds, size=(len(bootstrap.weights), seeds)
    )
    differences = {
        f"{a} - {b}": {
            name: _difference(found[a][name], found[b][name], drawn, settings.confidence)
            for name in names
        }
        for a, b in PAIRS
    }
    return {
        "arms": {arm: _arm(of_seeds, found[arm]) for arm, of_seeds in runs.items()},
        "differences": differences,
        "verdicts": {
            f"{a} - {b}": _verdict(a, b, differences[f"{a} - {b}"]["patch_auc"]) for a, b in PAIRS
        },
        "rule": RULE,
        **facts,
        "patients": len(first.patients),
        "images": len(first.images),
        "synthetic": first.is_synthetic,
    }


def _over_seeds(estimates: Sequence[Estimate]) -> OverSeeds:
    """NaN and no samples where a seed has none."""
    samples = [estimate.samples for estimate in estimates if estimate.samples is not None]
    if len(samples) < len(estimates):
        return np.full(len(estimates), np.nan), np.zeros((len(estimates), 0))
    return np.array([estimate.figure.value for estimate in estimates], float), np.stack(samples)


def _difference(a: OverSeeds, b: OverSeeds, drawn: np.ndarray, confidence: float) -> dict:
    """Mean of a - b over the seeds with its interval over patients and seeds.

    Args:
        drawn: the seeds of each bootstrap sample, (samples, seeds).
    """
    by_seed, moved = a[0] - b[0], a[1] - b[1]
    if not moved.size:
        return {"value": None, "low": None, "high": None, "seeds": by_seed.tolist()}
    mean = moved[drawn, np.arange(moved.shape[1])[:, None]].mean(axis=1)
    low, high = percentile_interval(mean, confidence=confidence)
    return {"value": float(by_seed.mean()), "low": low, "high": high, "seeds": by_seed.tolist()}


def _verdict(a: str, b: str, difference: dict) -> str:
    low, high = difference["low"], difference["high"]
    if low is None:
        return f"{a} and {b}: nothing to judge."
    shown = f"patch AUC differs by {difference['value']:+.4f} ({low:+.4f} to {high:+.4f})"
    if low > 0 or high < 0:
        return f"{a if low > 0 else b} is better than {b if low > 0 else a}: {shown}."
    if low > -SAME and high < SAME:
        return f"{a} and {b} are the same: {shown}."
    return f"{a} and {b}: undecided, {shown}."


def _arm(runs: Sequence[RunFolder], found: Mapping[str, OverSeeds]) -> dict:
    """What an arm reached and what it cost: means over the seeds, and each seed."""
    metrics = [read_json(run.metrics) for run in runs]
    cards = [read_card(run.model) for run in runs]
    trainings = [last_finished(run).get("train", {}) for run in runs]
    figures = {name: _mean(values.tolist()) for name, (values, _) in found.items()}
    after = [m["calibration"]["after"] or {} for m in metrics]
    for metric in probability_metrics(within=Place.STUDY):
        if metric.name not in figures:
            of_runs = [calibration.get(metric.name) for calibration in after]
            if metric.with_interval:
                of_runs = [(figure or {}).get("value") for figure in of_runs]
            figures[metric.name] = _mean(of_runs)
    return {
        **figures,
        "temperature": _mean([c.calibration.temperature for c in cards]),
        "parameters": cards[0].training.parameters,
        "train_seconds": _mean([t.get("seconds") for t in trainings]),
        "peak_memory_mib": _mean([t.get("peak_mib") for t in trainings]),
    }


def _mean(values: list) -> dict:
    known = [v for v in values if v is not None and np.isfinite(v)]
    return {"mean": float(np.mean(known)) if known else None, "seeds": values}
