"""The report of a run: one HTML file that needs no network and no other file."""

from pathlib import Path

from markupsafe import Markup

from pipeline.pages.pictures import picture_address, plot_address
from pipeline.pages.template import render
from pipeline.report.audits import read_audits
from pipeline.report.controls import read_controls
from pipeline.report.data import count_files, count_splits, is_synthetic
from pipeline.report.figures import read_results
from pipeline.report.gallery import read_gallery
from pipeline.report.meaning import read_meaning
from pipeline.report.provenance import settings_texts, stage_records
from pipeline.report.training import Training, describe_training
from pipeline.run.atomic import write_text
from pipeline.run.layout import RunFolder

PAGE = Path(__file__).parent / "page.html"
CONTACT_SHEET_BYTES = 1_000_000
RESULT_PLOTS = {"froc": "FROC", "roc": "ROC", "reliability": "Reliability", "worst": "Worst errors"}


def write_report(run: RunFolder) -> None:
    """Write RUN/report.html from the files that exist; what is missing is named on the page."""
    results, training = read_results(run), describe_training(run)
    page = render(
        PAGE,
        name=run.title,
        synthetic=is_synthetic(run),
        meaning=read_meaning(run),
        splits=count_splits(run),
        files=count_files(run),
        audits=read_audits(run),
        contact_sheet=_contact_sheet(run.contact_sheet),
        training=training,
        training_curves=_curves(training),
        results=results,
        result_plots=_result_plots(run) if results else [],
        outdated=results is None and run.metrics.is_file(),
        controls=read_controls(run),
        gallery=read_gallery(run),
        uncertainty_pictures=run.uncertainty.name if any(run.uncertainty.glob("*.png")) else "",
        records=stage_records(run),
        settings=settings_texts(run),
    )
    write_text(run.report, page)


def _curves(training: Training | None) -> list[tuple[str, Markup]]:
    curves = training.curves if training else []
    return [(network, plot_address(path)) for network, path in curves]


def _contact_sheet(path: Path) -> Markup:
    return picture_address(path, budget_bytes=CONTACT_SHEET_BYTES) if path.is_file() else Markup("")


def _result_plots(run: RunFolder) -> list[tuple[str, Markup]]:
    paths = ((title, run.plots / f"{name}.png") for name, title in RESULT_PLOTS.items())
    return [(title, plot_address(path)) for title, path in paths if path.is_file()]
