"""The model card: what a model is, what it was made from, what is known of it and what is not.

Source: Mitchell et al. 2019, Model Cards for Model Reporting, doi:10.1145/3287560.3287596.
"""

from pathlib import Path

import pandas as pd

from pipeline.model.card import model_folder, read_card
from pipeline.model.fit import support_text
from pipeline.pages.template import render_markdown
from pipeline.preprocess.tables import read_mammograms
from pipeline.report.data import (
    SPLIT_HEADS,
    abnormal_in_words,
    controls_of,
    count_splits,
    for_results,
    is_synthetic,
    metrics_of,
    robustness_of,
    stage_events,
)
from pipeline.report.limits import limits_of
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
    metrics = metrics_of(run, model.sha256) if judged and not calibrated else None
    mammograms = read_mammograms(run) if run.mammograms.is_file() else None
    factors, datasets = {}, []
    if mammograms is not None:
        factors = {title: _values(mammograms[column]) for column, title in FACTORS.items()}
        datasets = sorted(mammograms.loc[mammograms["split"] == "train", "dataset"].unique())
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
        support=support_text(model.support) if model.support else "",
        abnormal=abnormal_in_words(model.labels),
        factors=factors,
        splits=count_splits(run),
        split_heads=SPLIT_HEADS,
        site=read_json(run.site_calibration) if calibrated else None,
        evaluated=metrics is not None,
        **for_results(metrics or {}),
        audit=read_json(run.audit),
        robustness=robustness_of(run, model.sha256) if judged and not calibrated else None,
        controls=controls_of(run),
        limits=limits_of(
            model=model,
            datasets=() if trained_in else datasets,
            unrecorded=[name for name, values in factors.items() if not values],
            metrics=metrics,
        ),
    )
    write_text(path, card)
    return path


def _values(column: pd.Series) -> str:
    """The values of a factor with their numbers, in words; "" if not recorded."""
    counts = column[column != ""].value_counts().sort_index()
    named = [f"{value} ({count:,})" for value, count in counts.items()]
    if named and (lacking := len(column) - int(counts.sum())):
        named.append(f"not recorded ({lacking:,})")
    if len(named) > NAMED_VALUES:
        named[NAMED_VALUES:] = [f"and {len(named) - NAMED_VALUES} more"]
    return ", ".join(named)
