"""The evaluate stage: reads the files of heatmap and preprocess, writes the figures.

Reads   RUN/{images,candidates,regions,mammograms}.csv, predictions.parquet, outlines.json, the
        model's card; for the baselines the training positions and the store
Writes  RUN/metrics.json, RUN/lesions.csv, RUN/plots/*.svg, RUN/paper, and completes
        RUN/report.html and RUN/model-card.md
"""

from pipeline.evaluate.baselines import baseline_scores
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.lesions import write_lesions
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.metrics import (
    compute_metrics,
    evaluation_plan,
    summary_text,
    tracked_numbers,
)
from pipeline.evaluate.paper.paper_folder import write_paper
from pipeline.evaluate.plots import draw_plots
from pipeline.model.recipe import recipe_of
from pipeline.model.seen_patients import warn_of_overlap
from pipeline.report.model_card import write_model_card
from pipeline.report.run_page import write_report
from pipeline.run.atomic import write_json
from pipeline.run.errors import UserError
from pipeline.run.stage import Stage

PLOTS, PAPER, REPORT = "plots", "files for a manuscript", "report"


def evaluate(stage: Stage) -> str:
    """Judge the maps of a run; returns a summary.

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
    plan = evaluation_plan("evaluate", judged, after={PLOTS: 1, PAPER: 2.5, REPORT: 2})
    bootstrap = Bootstrap.of(judged, settings)
    baselines = baseline_scores(judged, seed=settings.seed)
    calibrated, trained = warn_of_overlap("evaluate", judged.card, judged.images)
    metrics = {
        **compute_metrics(judged, bootstrap, settings, baselines, plan.say),
        "recipe": recipe_of(stage.settings, [judged.card]),
        "natural_prior": judged.card.calibration.natural_prior,
        "patients_of_the_calibration": calibrated,
        "patients_of_the_training": trained,
    }
    plan.say(PLOTS)
    plots = draw_plots(judged, bootstrap, run.plots)
    plan.say(PAPER)
    paper = write_paper(run, judged, bootstrap, metrics)
    write_lesions(judged, run.lesions)
    write_json(run.metrics, metrics)
    stage.events.metrics(tracked_numbers(metrics))  # before the report, which reads the log
    plan.say(REPORT)
    card = write_model_card(run)
    write_report(run)
    stage.events.artifact(run.metrics)
    stage.events.artifact(run.lesions)
    stage.events.artifact(run.report)
    stage.events.artifact(card)
    for plot in plots:
        stage.events.artifact(plot, folder="plots")
    for path in paper:
        stage.events.artifact(path, folder=path.parent.relative_to(run.root).as_posix())
    stage.events.parts(plan.spent())
    return summary_text(metrics)
