"""The model card: what a model is, what it was made from, what is known of it and what is not.

Source: Mitchell et al. 2019, Model Cards for Model Reporting, doi:10.1145/3287560.3287596.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.model.card import ModelCard, model_folder, read_card
from pipeline.pages.template import render_markdown
from pipeline.preprocess.tables import read_mammograms
from pipeline.report.data import (
    SPLIT_HEADS,
    abnormal_in_words,
    count_splits,
    is_synthetic,
)
from pipeline.report.limits import limits_of_results, limits_of_training
from pipeline.report.metrics_file import current_metrics, for_results
from pipeline.report.provenance import stage_events
from pipeline.report.training import training_facts
from pipeline.run.atomic import read_json, write_text
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall

TEMPLATE = Path(__file__).parent / "model-card.md"
FACTORS = {
    "view": "view",
    "laterality": "side",
    "density": "breast density",
    "site": "site",
    "scanner": "scanner",
    "dataset": "data set",
}
NAMED_VALUES = 6


def write_model_card(run: RunFolder, *, calibrated: bool = False, judged: bool = True) -> Path:
    """Write RUN/model-card.md of the model that the run uses, from the files that exist.

    Args:
        calibrated: instead RUN/model/model-card.md of the model that `make calibrate` made here;
            RUN/model-card.md stays that of the model that it was made from.
        judged: False directly after a training, when the figures that may be there are of a
            former model.

    Returns:
        Its path.

    Raises:
        UserError: there is no finished model.
    """
    folder = run.model if calibrated else model_folder(run)
    path = folder / run.model_card.name if calibrated else run.model_card
    model = read_card(folder)
    # The metrics of the run judge the maps of the former calibration.
    metrics = _metrics(run, model) if judged and not calibrated else None
    factors = _factors(run)
    # make calibrate leaves a model of its own in a run that uses another's.
    trained_in = recall(run).model
    began = {start["stage"]: start["time"] for start, _ in stage_events(run)}
    card = render_markdown(
        TEMPLATE,
        name=run.title,
        synthetic=is_synthetic(run),
        model=model,
        trained_in=trained_in,
        trained_at=None if trained_in else began.get("train"),
        facts=training_facts(model),
        abnormal=abnormal_in_words(model.labels),
        factors=factors,
        splits=count_splits(run),
        split_heads=SPLIT_HEADS,
        site=read_json(run.site_calibration) if calibrated else None,
        evaluated=metrics is not None,
        **for_results(metrics or {}),
        audit=read_json(run.audit),
        controls=read_json(run.controls) or {},
        limits=_limits(run, model, metrics, factors),
    )
    write_text(path, card)
    return path


def _metrics(run: RunFolder, model: ModelCard) -> dict[str, Any] | None:
    """metrics.json where it judges this model; None before evaluate."""
    metrics = current_metrics(run)
    return metrics if metrics and metrics["model_sha256"] == model.sha256 else None


def _factors(run: RunFolder) -> dict[str, str]:
    """What the model may do better or worse with, and its values in words; "" if not recorded."""
    if not run.mammograms.is_file():
        return {}
    mammograms = read_mammograms(run)
    return {title: _values(mammograms[column]) for column, title in FACTORS.items()}


def _values(column: pd.Series) -> str:
    counts = column[column != ""].value_counts().sort_index()
    named = [f"{value} ({count:,})" for value, count in counts.items()]
    if named and (lacking := len(column) - int(counts.sum())):
        named.append(f"not recorded ({lacking:,})")
    if len(named) > NAMED_VALUES:
        named[NAMED_VALUES:] = [f"and {len(named) - NAMED_VALUES} more"]
    return ", ".join(named)


def _limits(
    run: RunFolder, model: ModelCard, metrics: Mapping | None, factors: Mapping[str, str]
) -> list[str]:
    limits = limits_of_training(model, _training_sets(run))
    if unrecorded := [name for name, values in factors.items() if not values]:
        limits.append(
            f"Not recorded of these mammograms: {', '.join(unrecorded)}. Whether the model does "
            "worse with some of them cannot be told."
        )
    return limits + (limits_of_results(metrics) if metrics else [])


def _training_sets(run: RunFolder) -> list[str]:
    """Data sets of the training patients; none where the model is of another run."""
    if recall(run).model or not run.mammograms.is_file():
        return []
    mammograms = read_mammograms(run)
    return sorted(mammograms.loc[mammograms["split"] == "train", "dataset"].unique())
