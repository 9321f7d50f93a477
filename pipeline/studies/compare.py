"""Two evaluated runs on the same mammograms: differences with paired patient bootstrap.

Reads   the tables of both runs, or of the folds of a cross-validation
Writes  RUN/compare-<other>.json and .html in the first run
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.config import EvaluateSettings
from pipeline.evaluate.judge import Bootstrap, cases_of
from pipeline.evaluate.load import Judged, load_judged
from pipeline.figures.figure import Figure, Undefined
from pipeline.figures.registry import METRICS, Metric, compared_metrics
from pipeline.pages.filters import figure_text
from pipeline.pages.template import render
from pipeline.report.gallery import MappedRun, gallery_page, pages_of
from pipeline.run.atomic import write_json, write_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.words import aligned
from pipeline.studies.crossval import pooled_folds

PAGE = Path(__file__).parent / "compare.html"


@dataclass(frozen=True)
class Estimate:
    """A figure of one run and its value in each bootstrap sample, (samples,); None if undefined."""

    figure: Figure
    samples: np.ndarray | None


def compare(first: RunFolder, second: RunFolder, settings: EvaluateSettings) -> dict:
    """Figures of both runs and their differences (first minus second), to a JSON file.

    Raises:
        UserError: the runs do not judge the same mammograms by the same rule.
    """
    runs = [_judged(run) for run in (first, second)]
    _check_same(runs, (first, second))
    bootstrap = Bootstrap.of(runs[0], settings)
    these, those = (estimates_of(judged, bootstrap) for judged in runs)
    rows = {name: _row(these[name], those[name], bootstrap) for name in these}
    content = {
        "runs": [str(first.root), str(second.root)],
        "difference": "first minus second; interval over the same drawn patients",
        "patients": len(runs[0].patients),
        "images": len(runs[0].images),
        "bootstrap": {"samples": settings.bootstrap, "confidence": settings.confidence},
        "figures": rows,
    }
    path = first.root / f"compare-{second.root.name}.json"
    write_json(path, content)
    write_text(path.with_suffix(".html"), _page(content, (first, second), runs[0].is_synthetic))
    return content


def _page(content: dict, folders: Sequence[RunFolder], synthetic: bool) -> str:
    """The comparison with the maps of both runs in one viewer, where both have maps."""
    pages: list[list[str]] = []
    mapped = []
    if all(run.images.is_file() and run.viewer.is_dir() for run in folders):
        mapped = [MappedRun(run, run.title) for run in folders]
        pages = pages_of(mapped[0])
    return render(
        PAGE,
        content=content,
        metrics=METRICS,
        synthetic=synthetic,
        gallery=gallery_page(mapped, pages[0]) if pages else None,
        left_out=sum(map(len, pages[1:])),
    )


def comparison_text(content: dict) -> str:
    """The comparison as a table for the terminal."""
    rows = [
        (
            METRICS[name].title,
            *(figure_text(row[of]) for of in ("first", "second", "difference")),
        )
        for name, row in content["figures"].items()
    ]
    return aligned([("", *content["runs"], "difference"), *rows])


def _judged(run: RunFolder) -> Judged:
    is_crossval = run.crossval.is_file() and not run.metrics.is_file()
    return pooled_folds(run) if is_crossval else load_judged(run)


def _check_same(runs: list[Judged], folders: tuple[RunFolder, RunFolder]) -> None:
    first, second = (set(judged.images["image_id"]) for judged in runs)
    if first != second:
        differ = sorted(first ^ second)
        raise UserError(
            f"{folders[0].root} and {folders[1].root} judge different mammograms: {differ[0]} and "
            f"{len(differ) - 1} more are in one only. Use the same data and split."
        )
    keys = ["image_id", "row_index", "col_index", "label"]
    tables = [
        judged.positions[keys].astype({"image_id": str}).sort_values(keys[:3], ignore_index=True)
        for judged in runs
    ]
    if not tables[0].equals(tables[1]):
        raise UserError(
            f"{folders[0].root} and {folders[1].root} judge different positions or labels. Use "
            "the same labels.* and image.* settings."
        )
    if set(runs[0].patients) != set(runs[1].patients):
        raise UserError(
            f"{folders[0].root} and {folders[1].root} name the patients differently. "
            "Make both from one data set."
        )


def estimates_of(
    judged: Judged, bootstrap: Bootstrap, metrics: Sequence[Metric] | None = None
) -> dict[str, Estimate]:
    """Metrics by name, with the bootstrap's weights by sorted patient.

    Args:
        metrics: those that are compared, if None; with samples.
    """
    chosen = compared_metrics() if metrics is None else metrics
    return {metric.name: _estimate(metric, judged, bootstrap) for metric in chosen}


def _estimate(metric: Metric, judged: Judged, bootstrap: Bootstrap) -> Estimate:
    try:
        # The order of the patients is the first run's or another: sorted ids are both.
        cases = cases_of(replace(judged, patients=sorted(judged.patients)), metric.needs)
    except Undefined as why:
        return Estimate(Figure(reason=str(why)), None)
    kept: list[np.ndarray] = []

    def samples() -> np.ndarray:
        assert metric.samples is not None  # those that are compared have them
        kept.append(metric.samples(cases, bootstrap.weights))
        return kept[0]

    figure = bootstrap.figure(lambda: metric.value(cases), samples, n=len(cases))
    return Estimate(figure, kept[0] if kept else None)


def _row(first: Estimate, second: Estimate, bootstrap: Bootstrap) -> dict:
    """Both figures and their difference, each with interval."""
    difference = difference_of(first, second, bootstrap)
    return {
        "first": first.figure.as_dict(),
        "second": second.figure.as_dict(),
        "difference": difference.as_dict(),
    }


def difference_of(first: Estimate, second: Estimate, bootstrap: Bootstrap) -> Figure:
    """First minus second, with its interval over the same drawn patients."""
    a, b = first.figure, second.figure
    moved = (
        None
        if first.samples is None or second.samples is None
        else (first.samples - second.samples)
    )
    if a.value is None or b.value is None or moved is None:
        return Figure(n=a.n, reason=a.reason or b.reason)
    by = a.value - b.value
    return bootstrap.figure(lambda: by, lambda: moved, n=a.n)
