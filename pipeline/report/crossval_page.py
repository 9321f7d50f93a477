"""The page of a cross-validation: all patients together, then fold by fold."""

from pathlib import Path

from pipeline.figures.registry import Place
from pipeline.pages.embedded import plot_address
from pipeline.pages.template import render
from pipeline.report.data import for_results
from pipeline.report.run_page import PLOTS, plots_of
from pipeline.run.atomic import read_json, write_text
from pipeline.run.layout import RunFolder

PAGE = Path(__file__).parent / "crossval.html"


def write_crossval_page(run: RunFolder) -> None:
    """Write RUN/crossval.html from RUN/crossval.json and the plots in RUN/crossval."""
    titles = {name: title for name, title in PLOTS.items() if name != "worst"}
    worst = run.crossval_plots / "worst.png"
    page = render(
        PAGE,
        name=run.title,
        **for_results(read_json(run.crossval)),
        summary=Place.SUMMARY,
        plots=plots_of(run.crossval_plots, titles),
        worst_picture=plot_address(worst) if worst.is_file() else "",
    )
    write_text(run.crossval_page, page)
