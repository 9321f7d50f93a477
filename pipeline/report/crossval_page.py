"""The page of a cross-validation: all patients together, then fold by fold."""

from pathlib import Path

from pipeline.figures.registry import Place
from pipeline.pages.template import render
from pipeline.report.data import for_results
from pipeline.report.run_page import plots_of
from pipeline.run.atomic import read_json, write_text
from pipeline.run.layout import RunFolder

PAGE = Path(__file__).parent / "crossval.html"


def write_crossval_page(run: RunFolder) -> None:
    """Write RUN/crossval.html from RUN/crossval.json and the plots in RUN/crossval."""
    page = render(
        PAGE,
        name=run.title,
        **for_results(read_json(run.crossval)),
        summary=Place.SUMMARY,
        plots=plots_of(run.crossval_plots),
    )
    write_text(run.crossval_page, page)
