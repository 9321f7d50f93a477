"""RUN/paper, written whole: a file that the data do not define is not there.

Its plots are those of the evaluation as vectors for a column of a journal: a PDF of 85 x 74 mm
each, with DejaVu Sans, 7 points in labels and 6 in ticks and legend, embedded as TrueType; what the
title of a plot says is its caption. The items of its checklists stand in checklists.csv: the
numbers are those of the guidelines, the words are ours; the guidelines' own are to be read before a
manuscript is sent.

Sources: CLAIM 2024 update, Tejani et al. 2024, doi:10.1148/ryai.240300; TRIPOD+AI, Collins et al.
    2024, doi:10.1136/bmj-2023-078378.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import ABNORMAL, UNKNOWN, Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.evaluate.paper.reader_studies import (
    cases_table,
    froc_sheets,
    mammograms_imrmc,
    patients_imrmc,
)
from pipeline.evaluate.paper.workbook import write_workbook
from pipeline.evaluate.plots import PLOTS, Look, draw_plot
from pipeline.figures.figure import Undefined
from pipeline.pages.template import render_markdown
from pipeline.report.data import abnormal_in_words
from pipeline.report.data_dictionary import data_dictionary
from pipeline.run.atomic import write_text
from pipeline.run.csv_tables import read_csv_table, write_csv
from pipeline.run.layout import RunFolder

_HERE = Path(__file__).parent
FILES = {
    "froc-rjafroc.xlsx": "marks and truth for RJafroc: sheets TP, FP, TRUTH, a case is a mammogram",
    "mammograms.imrmc": "truth and scores for iMRMC, a case is a mammogram",
    "patients.imrmc": "the same, a case is a woman with her highest score",
    "cases.csv": "which mammogram, woman and finding the numbers in them are",
    "decision_curve.csv": "net benefit of acting on a mammogram from each threshold on",
    "checklists.md": "where the run answers CLAIM 2024 and TRIPOD+AI, and what a person must add",
    "checklists.csv": "the same as a table",
    "data_dictionary.csv": "every table of the run and its columns: unit, type, meaning",
}


def write_paper(run: RunFolder, judged: Judged, bootstrap: Bootstrap, metrics: dict) -> list[Path]:
    """Write RUN/paper; before metrics.json, so that it is never older than that."""
    folder, items = run.paper, checklists(run)
    made: dict[str, Callable[[Path], None]] = {
        "froc-rjafroc.xlsx": lambda path: write_workbook(
            path, froc_sheets(judged, match_candidates(judged))
        ),
        "mammograms.imrmc": lambda path: write_text(path, mammograms_imrmc(judged)),
        "patients.imrmc": lambda path: write_text(path, patients_imrmc(judged)),
    }
    for name, write in made.items():
        try:
            write(folder / name)
        except Undefined:
            (folder / name).unlink(missing_ok=True)
    for name, table in (
        ("cases.csv", cases_table(judged)),
        ("decision_curve.csv", _decision_curve(metrics)),
        ("checklists.csv", items),
        ("data_dictionary.csv", data_dictionary()),
    ):
        write_csv(folder / name, table)
    by_guideline = {name: rows.to_dict("records") for name, rows in items.groupby("guideline")}
    page = render_markdown(_HERE / "checklists.md", guidelines=by_guideline)
    write_text(folder / "checklists.md", page.rstrip() + "\n")
    known = judged.images.loc[judged.images["truth"] != UNKNOWN, "truth"]
    readme = render_markdown(
        _HERE / "paper.md",
        name=run.title,
        synthetic=judged.is_synthetic,
        abnormal=abnormal_in_words(judged.card.labels),
        files={name: what for name, what in FILES.items() if (folder / name).is_file()},
        captions=draw_for_print(judged, bootstrap, folder / "figures"),
        size_mm=(WIDTH_MM, HEIGHT_MM),
        font=FONT,
        points=(LABELS_PT, SMALL_PT),
        share=f"{(known == ABNORMAL).mean():.0%}" if len(known) else "unknown",
    )
    write_text(folder / "README.md", readme)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _decision_curve(metrics: dict) -> pd.DataFrame:
    table = pd.DataFrame(
        metrics["decision_curve"], columns=["threshold", "value", "low", "high", "of_all"]
    )
    return table.rename(columns={"value": "net_benefit"})


_SOURCE = Path(__file__).parent / "checklists.csv"
HERE, ABSENT, PERSON = "here", "not in this run", "a person"


def checklists(run: RunFolder) -> pd.DataFrame:
    """The items with `state`: whether the file that answers is there, or a person must answer.

    What evaluate itself writes counts as there.

    Returns:
        Columns guideline, item, about, file, section, person, state; all text.
    """
    items = read_csv_table(_SOURCE, written_by="the repository")
    own = (run.metrics, run.report, run.model_card)

    def state(name: str) -> str:
        path = run.root / name
        if not name:
            return PERSON
        return HERE if path in own or path.is_file() else ABSENT

    return items.assign(state=items["file"].map(state))


WIDTH_MM, HEIGHT_MM = 85, 74
FONT, LABELS_PT, SMALL_PT = "DejaVu Sans", 7, 6
_MM_PER_INCH = 25.4
PRINT = Look(
    (WIDTH_MM / _MM_PER_INCH, HEIGHT_MM / _MM_PER_INCH),
    rc={
        "font.family": FONT,
        "font.size": LABELS_PT,
        **dict.fromkeys(("axes.labelsize", "axes.titlesize"), LABELS_PT),
        **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), SMALL_PT),
        **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.5),
        "grid.linewidth": 0.4,
        "lines.linewidth": 1.0,
        "lines.markersize": 3.0,
        "pdf.fonttype": 42,  # TrueType, as journals ask for
    },
    titled=False,
    save={"metadata": {"CreationDate": None}},  # the same figures are the same bytes
)


def draw_for_print(judged: Judged, bootstrap: Bootstrap, folder: Path) -> dict[str, str]:
    """Draw what the data define into FOLDER/*.pdf and remove what an earlier evaluation drew.

    Returns:
        The caption of each file, by its name.
    """
    captions = {}
    for name in PLOTS:
        path = folder / f"{name}.pdf"
        title = draw_plot(name, judged, bootstrap, path, look=PRINT)
        if title:
            captions[path.name] = title.replace("\n", "; ")
    return captions
