"""The page of a cross-validation: all patients together, then fold by fold."""

import json
from collections.abc import Callable
from pathlib import Path

from markupsafe import Markup

from pipeline.pages.pictures import plot_address
from pipeline.pages.template import render
from pipeline.report.figures import number_text, results_of, value_text
from pipeline.run.atomic import write_text
from pipeline.run.layout import RunFolder

PAGE = Path(__file__).parent / "crossval.html"
PLOTS = {"froc": "FROC", "roc": "ROC", "reliability": "Reliability"}


def _counted(name: str) -> Callable[[dict], str]:
    return lambda fold: f"{fold['counts'][name]:,}"


def _figure(name: str) -> Callable[[dict], str]:
    return lambda fold: value_text(fold[name])


def _calibrated(name: str) -> Callable[[dict], str]:
    return lambda fold: value_text((fold["calibration"]["after"] or {}).get(name))


FOLDS = {
    "patients": _counted("patients"),
    "mammograms": _counted("images"),
    "findings": _counted("lesions"),
    "positions: ROC AUC": _figure("patch_auc"),
    "positions: average precision": _figure("patch_ap"),
    "mammograms: ROC AUC": _figure("image_auc"),
    "mean FROC sensitivity": _figure("mean_froc"),
    "observed / expected": _calibrated("observed_over_expected"),
    "slope": _calibrated("slope"),
    "temperature used": lambda fold: number_text(fold["temperature_used"]),
    "training prior used": lambda fold: number_text(fold["training_prior_used"]),
    "temperature by its own validation patients": lambda fold: number_text(fold["temperature"]),
    "findings of its validation patients": lambda fold: f"{fold['validation_lesions']}",
}


def write_crossval_page(run: RunFolder) -> None:
    """Write RUN/crossval.html from RUN/crossval.json and the plots in RUN/crossval."""
    content = json.loads(run.crossval.read_text(encoding="utf-8"))
    write_text(
        run.crossval_page,
        render(
            PAGE,
            name=run.title,
            study=content,
            results=results_of(content),
            whom=content["split"],
            result_plots=_plots(run.crossval_plots),
            fold_rows=[_fold_row(name, content["folds"], show) for name, show in FOLDS.items()],
            worst=_worst_rows(content["worst"]),
            worst_picture=_plot(run.crossval_plots / "worst.png"),
        ),
    )


def _fold_row(name: str, folds: list[dict], show: Callable[[dict], str]) -> list[str]:
    return [name, *(show(fold) for fold in folds)]


def _worst_rows(worst: dict[str, list[dict]]) -> list[tuple[str, ...]]:
    """What, mammogram, place, probability of each error, the worst first."""
    return [
        (
            f"missed {error['kind'] or 'finding'}" if what == "misses" else "false alarm",
            error["image_id"],
            f"{error['row']:.0f}, {error['col']:.0f}",
            "no candidate" if error["probability"] is None else f"{error['probability']:.2g}",
        )
        for what in ("misses", "false_alarms")
        for error in worst[what]
    ]


def _plots(folder: Path) -> list[tuple[str, Markup]]:
    found = ((title, _plot(folder / f"{name}.png")) for name, title in PLOTS.items())
    return [(title, address) for title, address in found if address]


def _plot(path: Path) -> Markup:
    return plot_address(path) if path.is_file() else Markup("")
