"""Cross-validation by patient: every woman is tested once, by a network that never saw her.

Reads   RUN/settings (CONFIG and SET of the study)
Writes  RUN/folds/<k>, a run folder each; RUN/crossval.json, RUN/crossval.html, RUN/crossval/*.svg,
        RUN/lesions.csv, RUN/folds/model (all folds' networks as one, see folds_model)
"""

from pathlib import Path

from pipeline.config import EvaluateSettings
from pipeline.evaluate.baselines import baseline_scores
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.lesions import write_lesions
from pipeline.evaluate.load import Judged, load_judged
from pipeline.evaluate.metrics import (
    compute_metrics,
    evaluation_plan,
    summary_text,
    tracked_numbers,
)
from pipeline.evaluate.plots import draw_plots
from pipeline.evaluate.pooled import pool, pooled_scores, recalibrated
from pipeline.figures.registry import ranking_metrics
from pipeline.model.calibration import FEW_LESIONS
from pipeline.model.recipe import recipe_of
from pipeline.report.crossval_page import write_crossval_page
from pipeline.run.atomic import read_json, write_json
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall
from pipeline.run.stage import Stage
from pipeline.studies.folds_model import is_current, write_folds_model
from pipeline.studies.subruns import RunStages, announced, run_stages

PLOTS, FOLDS = "plots", "each fold alone"


def crossval(stage: Stage, *, folds: int, run_stages: RunStages = run_stages) -> str:
    """Run all folds that are not done yet, then judge their test patients together.

    Raises:
        UserError: a fold failed, or the run folder was made with another number of folds.
    """
    run = stage.run
    if folds < 2:
        raise UserError(f"FOLDS must be at least 2, not {folds}.")
    first = recall(run.fold(1)).overrides.get("split.folds")
    if first is not None and first != str(folds):
        raise UserError(
            f"{run.fold(1).root} is fold 1 of {first}, not of {folds}. Take another RUN=, or "
            f"FOLDS={first}."
        )
    stage.events.metrics({"folds": folds})
    parts = {f"fold {fold}": run.fold(fold) for fold in range(1, folds + 1)}
    for fold, part in enumerate(announced(parts, upto="evaluate"), start=1):
        own = {"split.folds": str(folds), "split.fold": str(fold)}
        run_stages(part, run, own, upto="evaluate")
    judged = [load_judged(run.fold(fold)) for fold in range(1, folds + 1)]
    content = pooled_metrics(judged, stage.settings.evaluate, plots=run.crossval_plots)
    recipe = recipe_of(stage.settings, [fold.card for fold in judged])
    used = calibrated_folds(judged)
    write_lesions(pool(used), run.lesions)
    write_json(run.crossval, {**content, "recipe": recipe})
    write_crossval_page(run)
    stage.events.metrics(tracked_numbers(content))
    stage.events.artifact(run.crossval)
    stage.events.artifact(run.lesions)
    stage.events.artifact(run.crossval_page)
    for plot in sorted(run.crossval_plots.glob("*.svg")):
        stage.events.artifact(plot, folder="plots")
    if not is_current(run, used):
        print(f"{write_folds_model(stage, used)}: the networks of all folds as one", flush=True)
    return summary_text(content)


def pooled_metrics(
    folds: list[Judged], settings: EvaluateSettings, *, plots: Path | None = None
) -> dict:
    """The content of crossval.json: the keys of metrics.json over all folds, and `folds`."""
    used = calibrated_folds(folds)
    pooled = pool(used)
    bootstrap = Bootstrap.of(pooled, settings)
    baselines = pooled_scores([baseline_scores(fold, seed=settings.seed) for fold in used])
    after = {PLOTS: 2, FOLDS: 1e-4 * len(pooled.positions)}
    plan = evaluation_plan("crossval", pooled, after=after)
    content = compute_metrics(pooled, bootstrap, settings, baselines, plan.say)
    if plots is not None:
        plan.say(PLOTS)
        draw_plots(pooled, bootstrap, plots)
    plan.say(FOLDS)
    return {
        **content,
        "split": f"{len(folds)} folds, every patient tested once",
        "recalibration": (
            "each fold by the predictions of the other folds' test patients, because a fold has "
            f"only {_fewest_lesions(folds)} lesions among its validation patients"
            if used is not folds
            else "each fold by its own validation patients"
        ),
        "folds": [
            _fold_row(fold, moved, settings) for fold, moved in zip(folds, used, strict=True)
        ],
    }


def pooled_folds(run: RunFolder) -> Judged:
    """The test patients of all folds of a finished cross-validation, as crossval.json has them."""
    folds = len(read_json(run.crossval)["folds"])
    return pool(calibrated_folds([load_judged(run.fold(k)) for k in range(1, folds + 1)]))


def calibrated_folds(folds: list[Judged]) -> list[Judged]:
    """The folds by the calibration to use: their own where every fold had enough lesions for it."""
    return recalibrated(folds) if _fewest_lesions(folds) < FEW_LESIONS else folds


def _fewest_lesions(folds: list[Judged]) -> int:
    return min(fold.card.training.validation.lesions for fold in folds)


def _fold_row(fold: Judged, used: Judged, settings: EvaluateSettings) -> dict:
    bootstrap = Bootstrap.of(fold, settings)
    metrics = compute_metrics(fold, bootstrap, settings, {})
    ranking = (metric.name for metric in ranking_metrics())
    kept = (*ranking, "calibration", "counts", "prevalence", "model_sha256", "commit")
    return {
        **{name: metrics[name] for name in kept},
        "temperature": fold.card.calibration.temperature,
        "temperature_used": used.card.calibration.temperature,
        "training_prior_used": used.card.calibration.training_prior,
        "natural_prior": fold.card.calibration.natural_prior,
        "validation_lesions": fold.card.training.validation.lesions,
    }
