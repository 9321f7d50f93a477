"""RUN/paper, written whole: a file that the data do not define is not there."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import ABNORMAL, UNKNOWN, Judged
from pipeline.evaluate.matching import match_candidates
from pipeline.evaluate.paper.checklists import checklists
from pipeline.evaluate.paper.print_figures import (
    FONT,
    HEIGHT_MM,
    LABELS_PT,
    SMALL_PT,
    WIDTH_MM,
    draw_for_print,
)
from pipeline.evaluate.paper.reader_studies import (
    cases_table,
    froc_sheets,
    mammograms_imrmc,
    patients_imrmc,
)
from pipeline.evaluate.paper.workbook import write_workbook
from pipeline.figures.figure import Undefined
from pipeline.pages.template import render_markdown
from pipeline.report.data import abnormal_in_words
from pipeline.report.data_dictionary import data_dictionary
from pipeline.run.atomic import write_text
from pipeline.run.csv_tables import write_csv
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
