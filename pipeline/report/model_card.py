"""The model card: what a model is, what it was made from, what is known of it and what is not.

Source: Mitchell et al. 2019, Model Cards for Model Reporting, doi:10.1145/3287560.3287596.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd

from pipeline.config import LabelSettings
from pipeline.model.card import model_folder
from pipeline.pages.template import render_markdown
from pipeline.preprocess.tables import read_mammograms
from pipeline.report.controls import read_controls
from pipeline.report.data import SplitCounts, count_splits, is_synthetic
from pipeline.report.figures import CALIBRATION, has_current_metrics, results_of, value_text
from pipeline.report.limits import limits_of_results, limits_of_training
from pipeline.report.meaning import in_words
from pipeline.report.provenance import stage_records
from pipeline.report.training import training_facts
from pipeline.run.atomic import write_text
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall
from pipeline.run.words import percent

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


@dataclass(frozen=True)
class Factor:
    """Something that the model may do better or worse with; `values` as words."""

    name: str
    values: str
    is_recorded: bool


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
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    # The metrics of the run judge the maps of the former calibration.
    metrics = _metrics(run, model) if judged and not calibrated else None
    audits = _audit_findings(run)
    controls = read_controls(run)
    factors = _factors(run)
    card = render_markdown(
        TEMPLATE,
        name=run.title,
        synthetic=is_synthetic(run),
        unknown=list(_unknown(metrics, audits, controls)),
        model={"dirty": False, "calibrated_on": {}, "region_threshold_source": ""} | model,
        trained_in=recall(run).model,
        trained_at=_trained_at(run),
        facts=training_facts(model),
        abnormal=in_words(LabelSettings.model_validate(model["labels"])),
        prior=percent(model["calibration"]["natural_prior"]),
        other_prior=_other_prior(model, metrics),
        threshold=percent(model["region_threshold"]),
        factor_rows=[(factor.name, factor.values) for factor in factors],
        split_rows=[_split_row(counts) for counts in count_splits(run)],
        split_rule=_split_rule(model.get("settings", {}).get("split")),
        trained_on=_trained_on(model),
        site=_site(run) if calibrated else None,
        metrics=metrics,
        results=results_of(metrics) if metrics else None,
        audits=audits,
        control_rows=[(c.title, c.value, c.interval, c.expected, c.verdict) for c in controls],
        faults=[control.sentence for control in controls if control.fault],
        limits=_limits(run, model, metrics, factors),
    )
    write_text(path, card)
    return path


def _metrics(run: RunFolder, model: Mapping) -> dict | None:
    """metrics.json where it judges this model; None before evaluate."""
    if not has_current_metrics(run):
        return None
    metrics = json.loads(run.metrics.read_text(encoding="utf-8"))
    return metrics if metrics["model_sha256"] == model["sha256"] else None


def _site(run: RunFolder) -> dict:
    """What the calibration of `make calibrate` does, as rows, and how that was estimated."""
    content = json.loads(run.site_calibration.read_text(encoding="utf-8"))
    before, after = content["before"], content["after"] or {}
    rows = [
        (title, value_text(before[key]), value_text(after.get(key)))
        for key, title in CALIBRATION.items()
    ]
    return {"rows": rows, "estimated": content["estimated"], "notes": content["notes"]}


def _audit_findings(run: RunFolder) -> list[dict] | None:
    if not run.audit.is_file():
        return None
    return json.loads(run.audit.read_text(encoding="utf-8"))["findings"]


def _unknown(metrics: dict | None, audits: list | None, controls: list) -> Iterator[str]:
    """What this card does not say yet, and the command after which it does."""
    if metrics is None:
        yield "the results on test patients and their calibration: `make evaluate`"
    if audits is None:
        yield "the audits of the data: `make preprocess`"
    if not controls:
        yield "the controls: `make controls`"


def _trained_at(run: RunFolder) -> str:
    """When the training of the run began; empty where the model is of another run."""
    if recall(run).model:
        return ""
    return next((record.when for record in stage_records(run) if record.stage == "train"), "")


def _other_prior(model: Mapping, metrics: Mapping | None) -> str:
    """The prior that the judged maps were made with, where it is not the model's."""
    used = (metrics or {}).get("natural_prior")
    return "" if used in (None, model["calibration"]["natural_prior"]) else percent(used)


def _factors(run: RunFolder) -> list[Factor]:
    if not run.mammograms.is_file():
        return []
    mammograms = read_mammograms(run)
    return [_factor(title, mammograms[column]) for column, title in FACTORS.items()]


def _factor(title: str, column: pd.Series) -> Factor:
    counts = column[column != ""].value_counts().sort_index()
    named = [f"{value} ({count:,})" for value, count in counts.items()]
    if not named:
        return Factor(title, "not recorded", False)
    if lacking := len(column) - int(counts.sum()):
        named.append(f"not recorded ({lacking:,})")
    if len(named) > NAMED_VALUES:
        named = [*named[:NAMED_VALUES], f"and {len(named) - NAMED_VALUES} more"]
    return Factor(title, ", ".join(named), True)


def _split_row(counts: SplitCounts) -> list[str]:
    name, *numbers = astuple(counts)
    return [name, *(f"{number:,}" for number in numbers)]


def _trained_on(model: Mapping) -> list[tuple[str, ...]]:
    """Counts of training and validation as model.json has them."""
    names = ("patients", "mammograms", "lesions", "positives", "negatives")
    found = ((split, model["training"].get(split)) for split in ("train", "validation"))
    return [(split, *(f"{of[name]:,}" for name in names)) for split, of in found if of]


def _split_rule(split: Mapping | None) -> str:
    if split is None:
        return ""
    if split["folds"]:
        return f"The test is fold {split['fold']} of {split['folds']}, made by patient."
    own = "; a split of the data set's own comes first" if split["use_hints"] else ""
    return (
        f"By a hash of the patient id with seed {split['seed']}, separately for patients with and "
        f"without findings: {split['test']:.0%} test, {split['validation']:.0%} validation{own}."
    )


def _limits(
    run: RunFolder, model: Mapping, metrics: Mapping | None, factors: list[Factor]
) -> list[str]:
    limits = limits_of_training(model, _training_sets(run))
    if unrecorded := [factor.name for factor in factors if not factor.is_recorded]:
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
