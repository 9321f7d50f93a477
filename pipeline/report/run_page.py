"""The report of a run: one HTML file that needs no network and no other file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.model.seen_patients import calibration_overlap_text, training_overlap_text
from pipeline.pages.embedded import ALL_PICTURES_BYTES, picture_address, plot_address
from pipeline.pages.template import render
from pipeline.preprocess.tables import read_mammograms
from pipeline.report.data import (
    SPLIT_HEADS,
    abnormal_of,
    controls_of,
    count_files,
    count_splits,
    current_metrics,
    for_results,
    is_synthetic,
    robustness_of,
    settings_texts,
    stage_events,
)
from pipeline.report.training import describe_training
from pipeline.run.atomic import read_json, write_text
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.layout import RunFolder

PAGE = Path(__file__).parent / "run.html"
CONTACT_SHEET_BYTES = 1_000_000
PLOTS = {
    "froc": "FROC",
    "roc": "ROC",
    "precision-recall": "Precision and recall",
    "reliability": "Reliability",
    "decision-curve": "Decision curve",
    "distribution": "Probabilities by outcome",
    "worst": "Worst errors",
}
PICTURES = 400  # more make the page slow; the others keep their row and their file
MOST_ROWS = 40  # of sources, outlines and doubles that the audits name


def write_report(run: RunFolder, *, new_maps: Mapping[str, Any] | None = None) -> None:
    """Write RUN/report.html from the files that exist; what is missing is named on the page.

    Args:
        new_maps: what heatmap.json is about to say of maps that no evaluation knows yet.
    """
    maps, audit = new_maps or read_json(run.heatmap_summary), read_json(run.audit)
    metrics, training = None if new_maps else current_metrics(run), describe_training(run)
    page = render(
        PAGE,
        name=run.title,
        synthetic=is_synthetic(run),
        abnormal=abnormal_of(run),
        maps=maps,
        copies=(maps or {}).get("copies", ""),
        candidate_score=(maps or {}).get("candidate_score", ""),
        calibration_overlap=calibration_overlap_text,
        training_overlap=training_overlap_text,
        splits=count_splits(run),
        split_heads=SPLIT_HEADS,
        files=count_files(run),
        contact_sheet=_picture(run.contact_sheet, CONTACT_SHEET_BYTES),
        audit=audit,
        sources=_sources(audit) if audit else [],
        twice=(read_json(run.preprocess_summary) or {}).get("twice"),
        most_rows=MOST_ROWS,
        training=training,
        curves=[(name, plot_address(path)) for name, path in training.curves] if training else [],
        **for_results(metrics or {}),
        evaluated=metrics is not None,
        outdated=metrics is None and run.metrics.is_file(),
        plots=plots_of(run.plots, PLOTS) if metrics else [],
        robustness=robustness_of(run, maps["model_sha256"]) if maps else None,
        controls=controls_of(run),
        images=_images(run),
        overlays=run.overlays.name,
        uncertainty=run.uncertainty.name if any(run.uncertainty.glob("*.png")) else "",
        stages=stage_events(run),
        settings=settings_texts(run),
    )
    write_text(run.report, page)


def plots_of(folder: Path, titles: Mapping[str, str]) -> list[tuple[str, Markup]]:
    """(title, address) of those plots, by the name of their file, that are there."""
    paths = ((title, folder / f"{name}.png") for name, title in titles.items())
    return [(title, plot_address(path)) for title, path in paths if path.is_file()]


def _sources(audit: Mapping[str, Any]) -> list[tuple[str, dict]]:
    """The values of the sources that have several, the largest first."""
    return [
        (source["source"], row)
        for source in audit["sources"]
        if len(source["rows"]) > 1
        for row in sorted(source["rows"], key=lambda row: (-row["patients"], row["name"]))
    ]


def _images(run: RunFolder) -> list[dict[str, Any]]:
    """Rows of images.csv, the highest score first, with view, picture and regions."""
    if not (run.images.is_file() and run.regions.is_file()):
        return []
    text = dict.fromkeys(("image_id", "patient_id", "split", "outcome"), str)
    images = read_csv_table(run.images, text, rest=None, written_by="make heatmap")
    images = images.sort_values("score", ascending=False, kind="stable")
    regions = read_csv_table(run.regions, {"image_id": str}, rest=None, written_by="make heatmap")
    regions = regions.sort_values("rank")
    for name in {"logit_sd", "diameter_mm"} - set(regions):  # of maps of before
        regions[name] = float("nan")
    by_image = {i: rows.to_dict("records") for i, rows in regions.groupby("image_id")}
    views = {}
    if run.mammograms.is_file():
        rows = read_mammograms(run)[["image_id", "laterality", "view"]].itertuples(index=False)
        views = {image_id: f"{side} {view}".strip() for image_id, side, view in rows}
    budget = ALL_PICTURES_BYTES // max(1, min(len(images), PICTURES))
    return [
        row
        | {
            "view": views.get(row["image_id"], ""),
            "picture": _picture(run.overlay(row["image_id"]), budget) if index < PICTURES else "",
            "regions": by_image.get(row["image_id"], []),
        }
        for index, row in enumerate(images.to_dict("records"))
    ]


def _picture(path: Path, budget: int) -> Markup:
    return picture_address(path, budget_bytes=budget) if path.is_file() else Markup("")
