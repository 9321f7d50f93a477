"""RUN/paper: what other programs and a manuscript take from an evaluated run."""

import json
import re
import zipfile
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.special import expit, logit

from pipeline.annotations.outlines import Circle, Outline, read_outlines, write_outlines
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.metrics import compute_metrics
from pipeline.evaluate.paper.paper_folder import FILES, checklists, write_paper
from pipeline.evaluate.paper.workbook import write_workbook
from pipeline.evaluate.plots import PLOTS, ticks_apart
from pipeline.figures.ranking import roc_auc
from pipeline.report.data_dictionary import columns_of
from pipeline.report.model_card import write_model_card
from pipeline.report.run_page import write_report
from pipeline.run.atomic import write_json
from pipeline.run.settings import load_settings
from tests.evaluate.fabricated_run import Woman, fabricate, women, write_candidates
from tests.preprocess.four_women import done, stage, write_data

CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
TWO = "test-counts-1"  # has two lesions
SUBITEMS = {3: 3, 5: 2, 6: 3, 8: 3, 9: 3, 12: 7, 18: 6, 20: 3, 23: 2, 27: 3}  # of TRIPOD+AI


def read_workbook(path) -> dict[str, pd.DataFrame]:
    """The sheets as a reader of xlsx sees them: text where a cell says so, else a number."""
    with zipfile.ZipFile(path) as file:
        parts = {name: ElementTree.fromstring(file.read(name)) for name in file.namelist()}
    targets = {r.get("Id"): r.get("Target") for r in parts["xl/_rels/workbook.xml.rels"]}
    sheets = {}
    for sheet in parts["xl/workbook.xml"].iter(f"{CELL}sheet"):
        relation = next(v for k, v in sheet.attrib.items() if k.endswith("}id"))
        rows: dict[int, dict[str, str | float]] = {}
        for cell in parts[f"xl/{targets[relation]}"].iter(f"{CELL}c"):
            column, row = re.fullmatch(r"([A-Z])(\d+)", cell.get("r")).groups()
            text = "".join(cell.itertext())
            rows.setdefault(int(row), {})[column] = (
                text if cell.get("t") == "inlineStr" else float(text)
            )
        head = rows.pop(1)
        sheets[sheet.get("name")] = pd.DataFrame(
            [{head[c]: row.get(c) for c in head} for row in rows.values()],
            columns=list(head.values()),
        )
    return sheets


def papered(run):
    """RUN/paper, report and card, as evaluate writes them, without baselines; the metrics."""
    judged, settings = load_judged(run), load_settings(run).evaluate
    bootstrap = Bootstrap.of(judged, settings)
    metrics = compute_metrics(judged, bootstrap, settings, {})
    metrics |= {"natural_prior": judged.card.calibration.natural_prior}
    metrics |= {"patients_of_the_calibration": 0, "patients_of_the_training": 0}
    write_paper(run, judged, bootstrap, metrics)
    write_json(run.metrics, metrics)
    write_report(run)
    write_model_card(run)
    return metrics


@pytest.fixture(scope="module")
def common(tmp_path_factory):
    """Women with and without a finding, one with two, one with a finding that nobody outlined."""
    people = [*women(normal=4, abnormal=4), Woman("somewhere", "test", "unlocated")]
    run = fabricate(tmp_path_factory.mktemp("paper"), people)
    outlines = read_outlines(run)
    second = Outline("second", "mass", "malignant", True, Circle(400.0, 250.0, 30.0))
    write_outlines(run, outlines | {TWO: [*outlines[TWO], second]})
    points = pd.read_csv(run.candidates)[["image_id", "row", "col", "logit"]]
    points = points[~((points["image_id"] == "test-counts-2") & (points["row"] > 61))]
    write_candidates(run, [*points.itertuples(index=False, name=None), (TWO, 400, 250, 0.3)])
    return run, papered(run)


def test_a_workbook_is_read_back_as_it_was_written(tmp_path):
    table = pd.DataFrame({"A & B": ["1", "<two>"], "x": [1 / 3, -2e-17], "n": [0, 7]})
    empty = table.iloc[:0]
    write_workbook(tmp_path / "book.xlsx", {"first": table, "none": empty})
    sheets = read_workbook(tmp_path / "book.xlsx")
    pd.testing.assert_frame_equal(sheets["first"], table, check_dtype=False)
    assert sheets["none"].columns.tolist() == ["A & B", "x", "n"]
    first = (tmp_path / "book.xlsx").read_bytes()
    write_workbook(tmp_path / "book.xlsx", {"first": table, "none": empty})
    assert (tmp_path / "book.xlsx").read_bytes() == first


def test_the_workbook_keeps_the_rules_of_rjafroc(common):
    sheets = read_workbook(common[0].paper / "froc-rjafroc.xlsx")
    assert set(sheets) == {"TP", "FP", "TRUTH"}
    truth, hits, alarms = sheets["TRUTH"], sheets["TP"], sheets["FP"]
    assert truth["Paradigm"].dropna().tolist() == ["FROC", "FCTRL"]
    for table in (truth, hits, alarms):
        assert table["CaseID"].map(float.is_integer).all()
        assert set(table["ReaderID"]) == set(table["ModalityID"]) == {"1"}  # text, of one sign
    for _, case in truth.groupby("CaseID"):
        lesions, weights = case["LesionID"].tolist(), case["Weight"].sum()
        assert (lesions == [0] and weights == 0) or (
            lesions == list(range(1, len(case) + 1)) and weights == pytest.approx(1)
        )
    assert sorted(truth.groupby("CaseID")["LesionID"].max()) == [0] * 4 + [1] * 3 + [2]
    known = set(zip(truth["CaseID"], truth["LesionID"], strict=True))
    marked = list(zip(hits["CaseID"], hits["LesionID"], strict=True))
    assert set(marked) < known and len(set(marked)) == len(marked) == 4
    assert set(alarms["CaseID"]) <= set(truth["CaseID"])


def test_the_formula_on_the_sheets_gives_the_figure_of_merit_of_the_metrics(common):
    run, metrics = common
    sheets = read_workbook(run.paper / "froc-rjafroc.xlsx")
    truth = sheets["TRUTH"]
    ratings = sheets["TP"].set_index(["CaseID", "LesionID"])["TP_Rating"]
    highest = sheets["FP"].groupby("CaseID")["FP_Rating"].max()
    total, normal = 0.0, truth.loc[truth["LesionID"] == 0, "CaseID"]
    abnormal = truth[truth["LesionID"] > 0]
    for row in abnormal.itertuples():
        y = ratings.get((row.CaseID, row.LesionID), -np.inf)
        for case in normal:
            x = highest.get(case, -np.inf)
            total += row.Weight * (1.0 if y > x else 0.5 if y == x else 0.0)
    value = total / (len(normal) * abnormal["CaseID"].nunique())
    figure = metrics["wafroc"]
    assert figure["value"] == pytest.approx(value)
    assert figure["low"] <= figure["value"] <= figure["high"] and figure["n"] == 5


@pytest.mark.parametrize(
    ("name", "unit"), [("mammograms.imrmc", "image_auc"), ("patients.imrmc", "patient_auc")]
)
def test_truth_and_scores_for_imrmc_give_the_auc_of_the_metrics(common, name, unit):
    run, metrics = common
    head, _, data = (run.paper / name).read_text().partition("BEGIN DATA:\n")
    size = dict(re.findall(r"^(N\w): (\d+)$", head, re.M))
    rows = [[float(x) for x in line.split(",")] for line in data.splitlines()]
    truth = {case: label for reader, case, modality, label in rows if reader == -1}
    scores = {case: score for reader, case, modality, score in rows if reader == 1}
    assert {modality for reader, _, modality, _ in rows if reader == -1} == {0}
    assert {modality for reader, _, modality, _ in rows if reader == 1} == {1}
    assert list(truth) == list(scores)
    labels = list(truth.values())
    assert size == {"N0": str(labels.count(0)), "N1": str(labels.count(1)), "NR": "1", "NM": "1"}
    assert roc_auc(labels, list(scores.values())) == pytest.approx(metrics[unit]["value"])


def test_the_table_of_cases_says_what_the_numbers_are(common):
    run, _ = common
    cases = pd.read_csv(run.paper / "cases.csv", keep_default_na=False)
    two = cases[cases["image_id"] == TWO]
    assert two["lesion"].tolist() == [1, 2] and two["finding_id"].tolist()[1] == "second"
    truth = read_workbook(run.paper / "froc-rjafroc.xlsx")["TRUTH"]
    outlined = cases[cases["image_id"] != "somewhere"]
    numbers = ["CaseID", "LesionID"]
    expected = sorted(map(tuple, outlined[["case", "lesion"]].to_numpy().tolist()))
    assert sorted(map(tuple, truth[numbers].to_numpy().tolist())) == expected
    rated = read_workbook(run.paper / "froc-rjafroc.xlsx")["TP"].set_index(numbers)["TP_Rating"]
    logit = load_judged(run).card.calibration.logit(0.3)
    assert rated[(two["case"].iloc[1], 2)] == pytest.approx(logit)


def test_the_decision_curve_is_that_of_the_mammograms(common):
    images = load_judged(common[0]).images
    known = images[images["truth"] >= 0]
    curve = pd.read_csv(common[0].paper / "decision_curve.csv")
    for row in curve.itertuples():
        acted = expit(known["logit"]) >= row.threshold
        missed_for_one = row.threshold / (1 - row.threshold)
        hits, needless = (acted & (known["truth"] == truth) for truth in (1, 0))
        value = (hits.sum() - missed_for_one * needless.sum()) / len(known)
        assert row.net_benefit == pytest.approx(value)
        assert row.low <= row.net_benefit <= row.high
    assert curve["net_benefit"].nunique() > 3 and len(known) == 9


def test_figures_are_vectors_of_one_column_with_embedded_fonts(common):
    figures = common[0].paper / "figures"
    assert {path.stem for path in figures.iterdir()} == set(PLOTS)
    for path in figures.iterdir():
        content = path.read_bytes()
        box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", content)
        size_mm = [float(points) / 72 * 25.4 for points in box.groups()]
        assert size_mm == pytest.approx([85, 74], abs=0.1), path.name
        assert b"/FontFile2" in content and b"/Type3" not in content, path.name
        assert b"DejaVuSans" in content and b"/Subtype /Image" not in content, path.name


@pytest.mark.parametrize("ends", [(-5.5, 18.0), (-3.0, 2.0)])
def test_the_names_at_an_axis_of_probabilities_do_not_run_into_each_other(ends):
    low, high = ends
    at = logit(ticks_apart(low, high))
    assert low <= at.min() and at.max() <= high
    assert len(at) > 1 and np.diff(at).min() >= (high - low) / 7


def test_the_page_of_the_folder_names_its_files_and_gives_each_figure_its_caption(common):
    run, _ = common
    text = (run.paper / "README.md").read_text()
    named = set(re.findall(r"^\| `([\w./-]+)` \|", text, re.M))
    assert named == set(FILES) == {p.name for p in run.paper.glob("*.*")} - {"README.md"}
    assert set(re.findall(r"`figures/([\w-]+)\.pdf`: \w", text)) == set(PLOTS)
    assert "SYNTHETIC DATA" in text


def test_the_checklists_have_every_item_and_an_answer_for_each(tmp_path):
    run = fabricate(tmp_path, women(normal=1, abnormal=1))
    items = checklists(run)
    numbers = {name: rows["item"].tolist() for name, rows in items.groupby("guideline")}
    assert numbers["CLAIM 2024"] == [str(number) for number in range(1, 45)]
    assert numbers["TRIPOD+AI"] == [
        f"{number}{letter}"
        for number in range(1, 28)
        for letter in ("abcdefg"[: SUBITEMS[number]] if number in SUBITEMS else [""])
    ]
    assert ((items["file"] != "") == (items["section"] != "")).all()
    assert (items.loc[items["file"] == "", "person"] != "").all()
    state = items.set_index("file")["state"]
    assert set(state[""]) == {"a person"} and state["intake.csv"].unique() == "not in this run"
    run.intake.write_text("")
    again = checklists(run).set_index("file")["state"]
    assert again["intake.csv"].unique() == "here"


def test_every_section_that_the_checklists_name_is_there(common, tmp_path):
    write_data(tmp_path / "data")
    prepared = stage(tmp_path)
    done(prepared)
    write_report(prepared.run)
    items = checklists(common[0]).query("file != '' and file != 'calibrate.json'")
    folders = (common[0].root, prepared.run.root)
    for item in items.itertuples():
        paths = [folder / item.file for folder in folders if (folder / item.file).is_file()]
        assert any(item.section in sections(path) for path in paths), (item.file, item.section)


def sections(path) -> set[str]:
    """Headings, columns or keys of a file."""
    text = path.read_text()
    if path.suffix == ".csv":
        return set(text.splitlines()[0].split(","))
    if path.suffix in (".json", ".yaml"):
        return set(json.loads(text) if path.suffix == ".json" else yaml.safe_load(text))
    return {*re.findall(r"^#+ (.+)$", text, re.M), *re.findall(r"<h[23]>(.+?)</h", text)}


def test_what_the_data_do_not_define_is_not_left_from_before(tmp_path):
    run = fabricate(tmp_path, [Woman(f"w{i}", "test", outcome="unknown") for i in range(3)])
    run.paper.mkdir()
    for name in ("froc-rjafroc.xlsx", "mammograms.imrmc", "patients.imrmc"):
        (run.paper / name).write_text("of before")
    (run.paper / "figures").mkdir()
    (run.paper / "figures" / "froc.pdf").write_text("of before")
    papered(run)
    left = {path.name for path in run.paper.rglob("*.*")}
    assert left == {
        *("README.md", "cases.csv", "decision_curve.csv", "checklists.md", "checklists.csv"),
        "data_dictionary.csv",
    }
    assert len(pd.read_csv(run.paper / "decision_curve.csv")) == 0


def test_its_tables_have_the_columns_of_the_data_dictionary(common):
    run, _ = common
    for path in run.paper.glob("*.csv"):
        assert list(pd.read_csv(path).columns) == columns_of(f"paper/{path.name}"), path.name
    for name, sheet in read_workbook(run.paper / "froc-rjafroc.xlsx").items():
        assert list(sheet.columns) == columns_of(f"paper/froc-rjafroc.xlsx, {name}")
