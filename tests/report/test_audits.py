"""The audits in the report: what was found, in numbers and sentences."""

import json

import pytest

from pipeline.report.run_page import MOST_ROWS, write_report
from pipeline.run.layout import RunFolder
from tests.report.page_text import markup_of, text_of

AUC = {"value": 0.8123, "low": 0.7, "high": 0.9, "n": 100}
NONE = {"value": None, "low": None, "high": None, "n": 100, "reason": "all images are alike in it"}


def row(name, patients, positive, negative) -> dict:
    return {
        "name": name,
        "patients": patients,
        "positive": positive,
        "negative": negative,
        "one_class": 0 in (positive, negative),
        "by_chance": 0.5,
    }


AUDIT = {
    "shortcut": {
        "question": "abnormal against normal",
        "kinds": ["abnormal", "normal"],
        "auc": AUC,
        "patients": 60,
        "positive": 60,
        "negative": 60,
    },
    "sources": [
        {"source": "data set", "auc": NONE, "rows": [row("mias", 60, 60, 60)]},
        {"source": "site", "auc": AUC, "rows": [row("a", 20, 0, 40), row("b", 40, 60, 20)]},
    ],
    "labels": {
        "outlines": 9,
        "problems": [{"image_id": "x", "finding_id": "x-1", "problem": "lies outside the breast"}],
    },
    "findings": [
        {"level": "warning", "text": "SHORTCUT: told apart."},
        {"level": "info", "text": "Nothing else."},
    ],
}


@pytest.fixture
def run(tmp_path) -> RunFolder:
    run = RunFolder(tmp_path)
    run.audit.write_text(json.dumps(AUDIT))
    return run


def audits_of(run: RunFolder) -> str:
    write_report(run)
    page = run.report.read_text(encoding="utf-8")
    return text_of(page[page.index('<section id="audits">') :].split("</section>")[0])


def test_warnings_come_first_and_figures_have_their_intervals(run):
    text = audits_of(run)
    assert text.index("Warning. SHORTCUT: told apart.") < text.index("Nothing else.")
    assert "abnormal against normal, told from AUC interval" in text
    assert "air, borders and size of the image 0.812 0.700 to 0.900" in text
    assert "data set alone – all images are alike in it" in text


def test_sources_of_several_values_are_listed_the_largest_first(run):
    text = audits_of(run)
    assert "site b 40 60 20 both kinds site a 20 0 40 normal only" in text
    assert "mias" not in text  # the only value of its source


def test_a_long_list_of_sources_is_cut_and_counted(run):
    rows = [row(f"s{i}", i + 1, 1, 1) for i in range(MOST_ROWS + 5)]
    many = AUDIT | {"sources": [{"source": "scanner", "auc": NONE, "rows": rows}]}
    run.audit.write_text(json.dumps(many))
    text = audits_of(run)
    assert text.count("both kinds") == MOST_ROWS
    assert "5 smaller ones are in audit.json" in text


def test_outlines_that_cannot_be_right_are_named(run):
    assert "x-1 lies outside the breast" in audits_of(run)


def test_mammograms_that_occur_twice_are_named_once_the_split_was_checked(run):
    assert "occurs twice" not in audits_of(run)
    run.preprocess_summary.write_text(
        json.dumps({"twice": ["identical pixels within train: a, b"]})
    )
    assert "occurs twice identical pixels within train: a, b" in audits_of(run)
    run.preprocess_summary.write_text(json.dumps({"twice": []}))
    assert "occurs twice None." in audits_of(run)


def test_names_from_the_data_are_escaped(run):
    evil = [row("<script>", 20, 20, 20), row("b", 20, 20, 20)]
    changed = AUDIT | {"sources": [{"source": "site", "auc": AUC, "rows": evil}]}
    run.audit.write_text(json.dumps(changed))
    write_report(run)
    assert "<script" not in markup_of(run.report.read_text(encoding="utf-8"))


def test_before_intake_the_report_says_how_to_get_them(tmp_path):
    run = RunFolder(tmp_path / "new")
    write_report(run)
    page = run.report.read_text(encoding="utf-8")
    assert "audits (make preprocess)" in text_of(page).replace(" )", ")").replace("( ", "(")
    assert 'id="audits"' not in page
