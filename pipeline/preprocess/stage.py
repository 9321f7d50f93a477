"""The preprocess stage: the catalog becomes standardised mammograms, a split and labels."""

import time
from collections.abc import Iterator

import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule
from pipeline.annotations.outlines import standard_outlines, write_outlines
from pipeline.config import Settings
from pipeline.preprocess.accept import Accepted
from pipeline.preprocess.audit.leakage import check_leakage, without_leaks
from pipeline.preprocess.contact_sheet import write_contact_sheet
from pipeline.preprocess.intake.stage import intake_line, intake_metrics, intake_plan, run_intake
from pipeline.preprocess.positions import label_positions
from pipeline.preprocess.store.entries import entry_files, read_breast
from pipeline.preprocess.summary import show_notes, summarise
from pipeline.preprocess.tables import count_positions, write_mammograms, write_positions_of
from pipeline.run.atomic import write_json
from pipeline.run.csv_tables import records
from pipeline.run.stage import Stage

# Wider than what the network sees, so that one recognises where a patch lies.
SHEET_PATCH_MM = 25.6
LABELS = "labels of the positions"


def preprocess(stage: Stage) -> str:
    """Write the intake, the mammograms, their outlines and labelled positions.

    Raises:
        UserError: too many files failed, none is usable, the split leaks, the disk is full.
    """
    started = time.monotonic()
    run = stage.run
    plan = intake_plan(stage, "preprocess", after={LABELS: 0.006})
    accepted, signatures, intake = run_intake(stage, plan)
    plan.say(LABELS)
    mammograms, outlines = accepted.mammograms, accepted.outlines
    twice = check_leakage(mammograms, outlines=outlines, signatures=signatures)
    notes = [*intake["notes"], *twice]
    labelled = _positions(accepted, stage.settings)
    write_positions_of(run, without_leaks(labelled, mammograms))
    counts = count_positions(run)
    write_outlines(run, outlines)
    write_mammograms(run, mammograms)
    write_contact_sheet(
        run.contact_sheet,
        mammograms=mammograms,
        outlines=outlines,
        positions=run.positions,
        patch_mm=SHEET_PATCH_MM,
    )
    stage.events.artifact(run.contact_sheet)
    files = [file for store in mammograms["store"] for file in entry_files(store)]
    summary = {
        "files": intake["files"],
        **summarise(mammograms, outlines, counts),
        "store_bytes": sum(file.stat().st_size for file in files),
        "seconds": round(time.monotonic() - started, 1),
        "notes": notes,
        "twice": twice,
    }
    stage.events.metrics(intake_metrics(intake) | _metrics(summary))
    stage.events.parts(plan.spent())
    write_json(run.preprocess_summary, summary)
    show_notes(notes, rest=run.preprocess_summary.name)
    return _line(summary)


def _positions(accepted: Accepted, settings: Settings) -> Iterator[pd.DataFrame]:
    """The labelled positions of each mammogram, ordered by id."""
    labels = settings.labels
    for row in records(accepted.mammograms.sort_values("image_id")):
        positions = label_positions(
            row,
            standard_outlines(accepted.outlines[row["image_id"]], geometry_of(row)),
            read_breast(row["store"]),
            LabelRule.from_settings(labels, row["spacing_mm"]),
            labels.pitch_px(spacing_mm=row["spacing_mm"]),
        )
        yield positions


def _metrics(summary: dict) -> dict[str, float]:
    metrics = {}
    for part in ("all", "train", "validation", "test"):
        counts = summary[part]
        for name in ("images", "patients", "lesions"):
            metrics[f"{part}_{name}"] = counts[name]
        for name, count in counts["positions"].items():
            metrics[f"{part}_positions_{name}"] = count
    return metrics | {"store_mb": summary["store_bytes"] / 1e6, "seconds": summary["seconds"]}


def _line(summary: dict) -> str:
    whole = summary["all"]
    share = whole["prevalence"]
    prevalence = f", {share:.2%} of the judged ones positive" if share is not None else ""
    return (
        f"{intake_line(summary)}; {whole['patients']} patients, {whole['lesions']} lesions, "
        f"{sum(whole['positions'].values())} positions{prevalence}"
    )
