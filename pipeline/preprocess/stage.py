"""The preprocess stage: the catalog becomes standardised mammograms, a split and labels."""

import time
from dataclasses import dataclass

import pandas as pd

from pipeline.config import Settings
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_files import read_catalog
from pipeline.preprocess.contact_sheet import write_contact_sheet
from pipeline.preprocess.findings import check_choice, image_outlines
from pipeline.preprocess.geometry import geometry_of
from pipeline.preprocess.intake import check_intake, intake_counts, intake_table, write_intake
from pipeline.preprocess.labels import LabelRule, standard_outlines
from pipeline.preprocess.leakage import check_leakage
from pipeline.preprocess.positions import label_positions, pitch_px
from pipeline.preprocess.split import split_patients
from pipeline.preprocess.standardising import standardise_all
from pipeline.preprocess.store import entry_files, read_breast
from pipeline.preprocess.summary import summarise
from pipeline.preprocess.tables import write_mammograms, write_outlines, write_positions
from pipeline.preprocess.worker import Outcome
from pipeline.run.atomic import json_text, write_text
from pipeline.run.settings import recall
from pipeline.run.stage import Stage

# Wider than what the network sees, so that one recognises where a patch lies.
SHEET_PATCH_MM = 25.6
_SHOWN_NOTES = 8


@dataclass(frozen=True)
class _Tables:
    mammograms: pd.DataFrame
    outlines: dict[str, list[dict]]
    positions: pd.DataFrame
    notes: list[str]


def preprocess(stage: Stage) -> str:
    """Write the intake, the mammograms, their outlines and labelled positions.

    Returns:
        A line that sums it up.

    Raises:
        UserError: too many files failed, none is usable, the split leaks, the disk is full.
    """
    started = time.monotonic()
    run, settings = stage.run, stage.settings
    catalog = read_catalog(run)
    judged_elsewhere = bool(recall(run).model)
    if not judged_elsewhere:
        check_choice(catalog.findings, settings.labels)
    outcomes = standardise_all(catalog.images, settings)
    intake = intake_table(catalog.files, catalog.images, outcomes)
    write_intake(run, intake)
    stage.events.artifact(run.intake)
    check_intake(run, intake, max_lost_share=settings.dicom.max_lost_share)
    tables = _tables(catalog, outcomes, settings, all_test=judged_elsewhere)
    write_positions(run, tables.positions)
    write_outlines(run, tables.outlines)
    write_mammograms(run, tables.mammograms)
    write_contact_sheet(
        run.contact_sheet,
        mammograms=tables.mammograms,
        outlines=tables.outlines,
        positions=tables.positions,
        patch_mm=SHEET_PATCH_MM,
    )
    stage.events.artifact(run.contact_sheet)
    summary = {
        "files": intake_counts(intake),
        **summarise(tables.mammograms, tables.outlines, tables.positions),
        "store_bytes": _store_bytes(tables.mammograms),
        "seconds": round(time.monotonic() - started, 1),
        "notes": tables.notes,
    }
    stage.events.metrics(_metrics(summary))
    write_text(run.preprocess_summary, json_text(summary))
    _show(tables.notes)
    return _line(summary)


def _tables(
    catalog: Catalog, outcomes: dict[str, Outcome], settings: Settings, *, all_test: bool
) -> _Tables:
    """Everything after the store; cheap, and done anew each time."""
    used = catalog.images["image_id"].map(lambda image_id: outcomes[image_id].status == "used")
    images = catalog.images[used]
    findings = catalog.findings[catalog.findings["image_id"].isin(images["image_id"])]
    split = split_patients(images, findings, settings.split, all_test=all_test)
    notes = list(split.notes)
    rows, outlines, positions = [], {}, []
    noted: dict[str, list[str]] = {}
    for image in images.to_dict("records"):
        image_id = image["image_id"]
        outcome = outcomes[image_id]
        geometry = outcome.info["geometry"]
        outlined = image_outlines(
            findings[findings["image_id"] == image_id],
            labels=settings.labels,
            height=geometry["original_height"],
            width=geometry["original_width"],
            outcome=image["outcome"],
            complete=image["complete"],
        )
        rejected = [f"finding {i} has no outline: {why}" for i, why in outlined.rejected.items()]
        for note in [*_notes(image, outcome), *rejected]:
            noted.setdefault(note, []).append(image_id)
        row = _row(
            image, outcome, split=split.of[image["patient_id"]], unlocated=outlined.unlocated
        )
        rows.append(row)
        outlines[image_id] = outlined.entries
        positions.append(_positions(row, outlined.entries, settings))
    mammograms = pd.DataFrame(rows)
    notes.extend(_by_image(note, image_ids) for note, image_ids in noted.items())
    notes.extend(check_leakage(mammograms))
    return _Tables(mammograms, outlines, pd.concat(positions, ignore_index=True), notes)


def _row(image: dict, outcome: Outcome, *, split: str, unlocated: bool) -> dict:
    """A row of mammograms.csv. What the catalog knows goes before what the file says."""
    info = outcome.info
    same = ("original_spacing_mm", "breast_mm2", "pixel_sha256", "window", "polarity")
    return {
        **{name: image[name] for name in ("image_id", "patient_id", "dataset", "outcome")},
        **{name: image[name] for name in ("density", "site", "source", "file")},
        **{name: image[name] or info[name] for name in ("laterality", "view", "scanner")},
        **info["geometry"],
        **{name: info[name] for name in (*same, "spacing_source")},
        "store": outcome.store,
        "split": split,
        "unlocated": unlocated,
    }


def _positions(row: dict, entries: list[dict], settings: Settings) -> pd.DataFrame:
    spacing_mm = row["spacing_mm"]
    return label_positions(
        row,
        standard_outlines(entries, geometry_of(row)),
        read_breast(row["store"]),
        LabelRule.from_settings(settings.labels, spacing_mm),
        pitch_px(settings.labels.pitch_mm, spacing_mm),
    )


def _notes(image: dict, outcome: Outcome) -> list[str]:
    """What the reader and the search for the breast doubt, and tags against the catalog."""
    notes = list(outcome.info["notes"])
    for name in ("laterality", "view"):
        known, read = image[name], outcome.info[name]
        if known and read and known != read:
            notes.append(f"{name} is {known} in the catalog, {read} in the file")
    return notes


def _by_image(note: str, image_ids: list[str]) -> str:
    """One sentence for all images with the same note; intake.csv has them one by one."""
    first = ", ".join(image_ids[:3])
    if len(image_ids) <= 3:
        return f"{first}: {note}"
    return f"{len(image_ids)} images ({first} and so on): {note}"


def _store_bytes(mammograms: pd.DataFrame) -> int:
    return sum(part.stat().st_size for store in mammograms["store"] for part in entry_files(store))


def _metrics(summary: dict) -> dict[str, float]:
    metrics = {f"files_{status}": count for status, count in summary["files"].items()}
    for part in ("all", "train", "validation", "test"):
        counts = summary[part]
        for name in ("images", "patients", "lesions"):
            metrics[f"{part}_{name}"] = counts[name]
        for name, count in counts["positions"].items():
            metrics[f"{part}_positions_{name}"] = count
    return metrics | {"store_mb": summary["store_bytes"] / 1e6, "seconds": summary["seconds"]}


def _show(notes: list[str]) -> None:
    for note in notes[:_SHOWN_NOTES]:
        print(f"note: {note}")
    if len(notes) > _SHOWN_NOTES:
        print(f"note: {len(notes) - _SHOWN_NOTES} more in preprocess.json")


def _line(summary: dict) -> str:
    files, whole = summary["files"], summary["all"]
    share = whole["prevalence"]
    prevalence = f", {share:.2%} of the judged ones positive" if share is not None else ""
    return (
        f"{files['used']} files used, {files['skipped']} skipped, {files['failed']} failed; "
        f"{whole['patients']} patients, {whole['lesions']} lesions, "
        f"{sum(whole['positions'].values())} positions{prevalence}"
    )
