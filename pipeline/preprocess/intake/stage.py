"""What comes in: every file read, its end told, the mammograms known; before any label.

Writes the store and, in RUN, intake.csv, breast/, audit.json, intake.html and, last, intake.json.
`make intake` ends here; preprocess begins with it.
"""

import time
from collections.abc import Mapping, Sequence

import pandas as pd

from pipeline.annotations.findings import check_choice
from pipeline.ingest.catalog import read_catalog
from pipeline.preprocess.accept import Accepted, accept
from pipeline.preprocess.audit.audit import audit
from pipeline.preprocess.breast.original_masks import BREASTS, write_breasts
from pipeline.preprocess.intake.intake_csv import (
    FAILED,
    USED,
    common_reasons,
    intake_counts,
    intake_table,
    lost_share,
)
from pipeline.preprocess.intake.intake_page import write_intake_page
from pipeline.preprocess.store.fill import STANDARDISING, fill_store
from pipeline.preprocess.summary import note_sentences, show_notes
from pipeline.run.atomic import read_json, write_json
from pipeline.run.csv_tables import write_csv
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.progress import Plan
from pipeline.run.settings import recall
from pipeline.run.stage import Stage

AUDITS = "audits of the data"


def intake(stage: Stage) -> str:
    """The intake alone.

    Raises:
        UserError: as `run_intake`.
    """
    _, _, summary = run_intake(stage, intake_plan(stage, "intake"))
    stage.events.metrics(intake_metrics(summary))
    show_notes(summary["notes"], rest=stage.run.intake_summary.name)
    return intake_line(summary)


def intake_plan(stage: Stage, title: str, *, after: Mapping[str, float] = {}) -> Plan:
    """The parts of an intake and of what comes after it, with their seconds per mammogram."""
    count = read_json(stage.run.catalog)["images"]
    parts = {STANDARDISING: 0.1, BREASTS: 0.003, AUDITS: 0.007, **after}
    return Plan(title, {name: count * seconds for name, seconds in parts.items()})


def run_intake(stage: Stage, plan: Plan) -> tuple[Accepted, dict[str, str], dict]:
    """Read every file of the catalog and tell what became of it.

    What is in the store already is not decoded again.

    Returns:
        The mammograms that are used, with their outlines; what recognises them in another
        export, by image id; and intake.json.

    Raises:
        UserError: too many files failed or none is usable, after the reports were written; the
            settings name findings that do not exist; the disk is full.
    """
    started = time.monotonic()
    run, settings = stage.run, stage.settings
    catalog = read_catalog(run)
    judged_elsewhere = bool(recall(run).model)
    if not judged_elsewhere:
        check_choice(catalog.findings, settings.labels)
    outcomes = fill_store(catalog.images, settings, plan)
    accepted = accept(catalog, outcomes, settings, all_test=judged_elsewhere)
    mammograms = accepted.mammograms
    split = dict(zip(mammograms["image_id"], mammograms["split"], strict=True))
    notes = accepted.notes | accepted.unused_notes
    table = intake_table(catalog, outcomes, split=split, notes=notes)
    write_csv(run.intake, table)
    stage.events.artifact(run.intake)
    write_breasts(run, mammograms, workers=settings.dicom.workers, plan=plan)
    plan.say(AUDITS)
    infos = {image_id: outcomes[image_id].info for image_id in accepted.outlines}
    backgrounds = {image_id: info["background"] for image_id, info in infos.items()}
    # Of the outlines as they were given, so that wrong ones are found.
    audited = audit(mammograms, accepted.given_outlines, backgrounds, accepted.quarantined)
    write_json(run.audit, audited)
    for finding in audited["findings"]:
        print(f"{finding['level']}: {finding['text']}")
    problem = intake_problem(run, table, max_lost_share=settings.dicom.max_lost_share)
    write_intake_page(
        run,
        catalog=catalog,
        outcomes=outcomes,
        table=table,
        accepted=accepted,
        audited=audited,
        settings=settings,
        problem=problem,
    )
    stage.events.artifact(run.audit)
    stage.events.artifact(run.intake_page)
    if problem:
        raise UserError(problem)
    counts = intake_counts(table)
    summary = {
        "files": counts,
        "lost_share": lost_share(counts),
        "images": len(mammograms),
        "patients": int(mammograms["patient_id"].nunique()),
        "quarantined_outlines": len(accepted.quarantined),
        "seconds": round(time.monotonic() - started, 1),
        "notes": [
            *catalog.notes,
            *_lost_patients(table),
            *_mixed_intents([info["intent"] for info in infos.values()]),
            *accepted.split_notes,
            *note_sentences(notes),
        ],
    }
    write_json(run.intake_summary, summary)
    signatures = {image_id: info["signature"] for image_id, info in infos.items()}
    return accepted, signatures, summary


def intake_problem(run: RunFolder, table: pd.DataFrame, *, max_lost_share: float) -> str:
    """Why the run must stop, "" where it may go on.

    Args:
        max_lost_share: of failed / (used + failed).
    """
    counts = intake_counts(table)
    used, failed = counts[USED], counts[FAILED]
    if used == 0:
        return (
            f"No file of the data set is usable: {common_reasons(table) or 'there is none'}. "
            f"{run.intake} names the reason of each file, {run.intake_page} shows them."
        )
    if failed > max_lost_share * (used + failed):
        return (
            f"{failed} of {used + failed} mammograms failed ({lost_share(counts):.1%}), more than "
            f"dicom.max_lost_share={max_lost_share:g} allows: "
            f"{common_reasons(table[table['status'] == FAILED])}. {run.intake} names each, "
            f"{run.intake_page} shows them; mend or remove the files, or raise "
            "dicom.max_lost_share."
        )
    return ""


def _lost_patients(table: pd.DataFrame) -> list[str]:
    """A sentence about the patients of whom nothing is used."""
    used = table.loc[table["status"] == USED, "patient_id"]
    lost = table[(table["patient_id"] != "") & ~table["patient_id"].isin(used)]
    if lost.empty:
        return []
    count, of = lost["patient_id"].nunique(), (set(table["patient_id"]) - {""})
    return [f"{count} of {len(of)} patients have no image that is used: {common_reasons(lost)}"]


def _mixed_intents(intents: Sequence[str]) -> list[str]:
    """A sentence where raw and processed images are used together."""
    raw = intents.count("FOR PROCESSING")
    if raw in (0, len(intents)):
        return []
    return [
        f"{raw} of {len(intents)} images are FOR PROCESSING (dicom.for_processing): their grey "
        "values are raw beside those of the others, and a view that is there in both forms counts "
        "twice"
    ]


def intake_line(summary: dict) -> str:
    """Files by their end, in one line."""
    files = summary["files"]
    return f"{files['used']} files used, {files['skipped']} skipped, {files['failed']} failed"


def intake_metrics(summary: dict) -> dict[str, float]:
    """The numbers of intake.json for tracking."""
    files = {f"files_{status}": count for status, count in summary["files"].items()}
    return files | {name: summary[name] for name in ("lost_share", "quarantined_outlines")}
