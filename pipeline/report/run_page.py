"""The report of a run: HTML that needs no network and no other file.

RUN/report.html holds everything of up to 100 mammograms; more of them, up to 2,000, are on the
pages in RUN/report, which hold nothing else.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.figures.registry import first_figures
from pipeline.model.card import find_model
from pipeline.pages.embedded import picture_address, plot_address
from pipeline.pages.template import render
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
from pipeline.report.gallery import MappedRun, gallery_page, pages_of
from pipeline.report.training import describe_training
from pipeline.run.atomic import read_json, write_text
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall

PAGE, MORE = (Path(__file__).parent / name for name in ("run.html", "more.html"))
CONTACT_SHEET_BYTES = 300_000
PLOTS = {
    "froc": "FROC",
    "roc": "ROC",
    "precision-recall": "Precision and recall",
    "reliability": "Reliability",
    "decision-curve": "Decision curve",
    "distribution": "Probabilities by outcome",
}
MOST_PAGES = 20  # of pictures, some 14 MB each
MOST_ROWS = 40  # of sources, outlines and doubles that the audits name


def write_report(run: RunFolder, *, new_maps: Mapping[str, Any] | None = None) -> None:
    """Write RUN/report.html from the files that exist; what is missing is named on the page.

    Args:
        new_maps: what heatmap.json is about to say of maps that no evaluation knows yet.
    """
    maps, audit = new_maps or read_json(run.heatmap_summary), read_json(run.audit)
    metrics, training = None if new_maps else current_metrics(run), describe_training(run)
    mapped = MappedRun(run, summary=maps) if maps and _has_tables(run) else None
    doubts = (maps or {}).get("doubts", [])
    pages = pages_of(mapped)[:MOST_PAGES] if mapped else []
    names = [
        run.report.name,
        *(f"{run.report_pages.name}/{n + 1}.html" for n in range(1, len(pages))),
    ]
    worst = (metrics or {}).get("worst", {})
    card = _card_of(run)
    page = render(
        PAGE,
        name=run.title,
        synthetic=is_synthetic(run),
        abnormal=abnormal_of(run),
        maps=maps,
        doubts=doubts,
        headline_figures=first_figures(metrics) if metrics else [],
        gallery=gallery_page([mapped], pages[0], warning=_first(doubts))
        if mapped and pages
        else None,
        mapped=len(mapped.images) if mapped else 0,
        on_pages=sum(map(len, pages)),
        pages=[(name, len(ids)) for name, ids in zip(names, pages, strict=False)],
        worst=[*worst.get("misses", []), *worst.get("false_alarms", [])],
        page_of={i: name for name, ids in zip(names, pages, strict=False) for i in ids},
        copies=(maps or {}).get("copies", ""),
        candidate_score=(maps or {}).get("candidate_score", ""),
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
        plots=plots_of(run.plots) if metrics else [],
        robustness=robustness_of(run, maps["model_sha256"]) if maps else None,
        controls=controls_of(run),
        overlays=run.overlays.name if maps else "",
        uncertainty=run.uncertainty.name if any(run.uncertainty.glob("*.png")) else "",
        intake_page=run.intake_page.name if run.intake_page.is_file() else "",
        card=os.path.relpath(card, run.root),
        card_text=card.read_text(encoding="utf-8") if card.is_file() else "",
        stages=stage_events(run),
        settings=settings_texts(run),
    )
    write_text(run.report, page)
    if run.report_pages.exists():
        shutil.rmtree(run.report_pages)
    for name, ids in zip(names[1:], pages[1:], strict=True):
        assert mapped is not None  # there are pages
        shown = gallery_page([mapped], ids, warning=_first(doubts))
        more = render(MORE, name=run.title, synthetic=is_synthetic(run), gallery=shown, page=name)
        write_text(run.root / name, more)


def plots_of(folder: Path) -> list[tuple[str, Markup]]:
    """(title, address) of those of PLOTS that are there."""
    paths = ((title, folder / f"{name}.svg") for name, title in PLOTS.items())
    return [(title, plot_address(path)) for title, path in paths if path.is_file()]


def _has_tables(run: RunFolder) -> bool:
    return all(path.is_file() for path in (run.images, run.regions, run.candidates, run.outlines))


def _card_of(run: RunFolder) -> Path:
    """The model card, in the run that made the model."""
    named = recall(run).model
    lent = find_model(Path(named)) if named else None
    return RunFolder(lent.parent).model_card if lent else run.model_card


def _first(doubts: Sequence[str]) -> str:
    return doubts[0] if doubts else ""


def _sources(audit: Mapping[str, Any]) -> list[tuple[str, dict]]:
    """The values of the sources that have several, the largest first."""
    return [
        (source["source"], row)
        for source in audit["sources"]
        if len(source["rows"]) > 1
        for row in sorted(source["rows"], key=lambda row: (-row["patients"], row["name"]))
    ]


def _picture(path: Path, budget: int) -> Markup:
    return picture_address(path, budget_bytes=budget) if path.is_file() else Markup("")
