"""The model card: what is known, what is not, and the limits that follow from the numbers."""

import json
import shutil

import pytest

from pipeline.evaluate.stage import evaluate
from pipeline.figures.registry import headline_metrics
from pipeline.model.card import read_card
from pipeline.report.model_card import write_model_card
from pipeline.run.atomic import json_text, write_text
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog, read_events
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings
from pipeline.run.stage import Stage
from tests.evaluate.fabricated_run import Woman, fabricate, women
from tests.model.cards import SITE, SUPPORT, change_card

AUDIT = {
    "findings": [
        {"level": "warning", "text": "The site <b>A|B</b> has abnormal images only."},
        {"level": "info", "text": "All 12 outlines lie in the breast."},
    ]
}
CONTROL = {
    "value": 0.61,
    "low": 0.52,
    "high": 0.7,
    "expected": 0.5,
    "holds": False,
    "required": True,
    "sentence": "It has seen the permuted labels.",
}
TRAINING = {
    split: {"patients": 65, "mammograms": 130, "lesions": 51, "positives": 1545, "negatives": 9000}
    for split in ("train", "validation")
}


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory) -> RunFolder:
    run = fabricate(tmp_path_factory.mktemp("card"), women(normal=4, abnormal=4), dataset="mias")
    evaluate(Stage(run, load_settings(run), EventLog(run, "evaluate")))
    return run


@pytest.fixture
def run(evaluated, tmp_path) -> RunFolder:
    """An evaluated run of its own; metrics.json stays the newest file."""
    return RunFolder(shutil.copytree(evaluated.root, tmp_path / "mine"))


@pytest.fixture
def trained(run) -> RunFolder:
    """A run whose training has just finished."""
    for made_later in (run.metrics, run.images, run.predictions, run.model_card):
        made_later.unlink()
    return run


def card_of(run: RunFolder, **changed) -> str:
    """The card, after changes of the model's own."""
    change_card(run.model, **changed)
    return write_model_card(run).read_text(encoding="utf-8")


def section(card: str, title: str) -> str:
    return card.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_it_has_the_sections_of_the_form_in_its_order(run):
    titles = [line[3:] for line in card_of(run).splitlines() if line.startswith("## ")]
    assert titles == [
        "Model details",
        "Intended use",
        "Factors",
        "Metrics",
        "Training data",
        "Evaluation data",
        "Protocol",
        "Quantitative analyses",
        "Calibration",
        "Audits and controls",
        "Limits",
    ]


def test_after_the_training_it_says_what_is_not_known_yet(trained):
    card = card_of(trained)
    unknown = card.split("**Not known yet:**")[1].split("Written by")[0]
    assert [line.split(":")[-1] for line in unknown.split("\n") if line.startswith("- ")] == [
        " `make evaluate`",
        " `make preprocess`",
        " `make controls`",
        " `make robustness`",
    ]
    assert "Not known yet: `make evaluate`" in section(card, "Quantitative analyses")
    assert "is not known yet" in section(card, "Calibration")
    assert "0.03" not in section(card, "Limits")
    assert "| train | 8 | 8 | 4 | 4 | 4 |" in section(card, "Evaluation data")


def test_when_everything_was_made_nothing_is_called_unknown(run):
    write_text(run.audit, json_text(AUDIT))
    write_text(
        run.controls, json_text({"controls": {"permuted_labels": CONTROL | {"holds": True}}})
    )
    figure = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 3}
    unchanged = {metric.name: figure for metric in headline_metrics()}
    robust = {"changes": [{"name": "unchanged", "figures": unchanged}], "groups": []}
    robust |= dict.fromkeys(("images", "patients", "lesions"), 3) | {"limit": None}
    write_text(run.robustness, json_text(robust | {"model_sha256": read_card(run.model).sha256}))
    card = card_of(run)
    assert "ot known yet" not in card and "not made yet" not in card
    assert "| unchanged | 0.900 | 0.900 |" in card


def test_results_have_their_intervals_overall_and_by_group(run):
    card = section(card_of(run), "Quantitative analyses")
    metrics = json.loads(run.metrics.read_text())
    auc, left = metrics["patch_auc"], metrics["groups"][0]
    shown = "{value:.3f} | {low:.3f} to {high:.3f} |"
    assert f"| Positions: ROC AUC | {shown.format(**auc)} {auc['n']:,} |" in card
    assert f"| side | L | 4 | {shown.format(**left['patch_auc'])}" in card
    assert "| kind | mass | 4 | " in card
    point = metrics["froc"][0]
    assert f"| 0.25 | {point['sensitivity']:.3f} | {point['low']:.3f} to " in card


def test_figures_of_another_model_are_not_shown(run):
    assert "0.000 to" not in section(card_of(run, sha256="f" * 64), "Quantitative analyses")
    assert "Not known yet" in section(card_of(run), "Quantitative analyses")


def test_training_data_are_those_that_the_model_names(run):
    card = section(card_of(run, training=TRAINING), "Training data")
    assert "| train | 65 | 130 | 51 | 1,545 | 9,000 |" in card


@pytest.mark.parametrize(
    ("lesions", "sentence"),
    [
        (29, "fitted on 29 findings of the validation patients, fewer than 30"),
        (1, "fitted on 1 finding of the validation patients"),
        (0, "was not fitted: the validation patients have no finding"),
        (30, ""),
    ],
)
def test_few_findings_for_the_temperature_are_a_limit(trained, lesions, sentence):
    validation = TRAINING["validation"] | {"lesions": lesions}
    limits = section(card_of(trained, training={"validation": validation}), "Limits")
    assert sentence in limits
    assert ("temperature" in limits) is bool(sentence)


def test_a_calibration_on_a_site_is_named_and_counts_its_own_findings(trained):
    on = SITE | {"patients": 40, "lesions": 12}
    card = card_of(trained, calibrated_on=on, training=TRAINING)
    assert "on 40 patients with 12 findings" in section(card, "Model details")
    assert "12 findings of the patients that it was calibrated on" in section(card, "Limits")


def test_it_says_on_how_much_the_number_rests_and_how_far_it_may_be_off(trained):
    few = card_of(trained, support=SUPPORT, training={"validation": {"lesions": 7}})
    sentence = "rest on 7 findings of 11 women, fewer than 30 findings"
    assert sentence in section(few, "Metrics")
    assert sentence in section(few, "Limits")
    assert "0.40 to 2.25 times" in section(few, "Limits")
    many = card_of(trained, support=SUPPORT | {"lesions": 51}, training=TRAINING)
    assert "rest on 51 findings of 11 women." in section(many, "Metrics")
    assert "rest on" not in section(many, "Limits")


def test_an_ensemble_of_other_women_each_says_so(trained):
    members = [
        {"best_step": 5, "validation_auc": 0.9, "validation_loss": 0.1, "left_out": (x,)}
        for x in "ab"
    ]
    card = card_of(trained, training={"members": members})
    assert "Each of the 2 networks left out another part" in section(card, "Training data")
    assert "out-of-fold patch AUC of the chosen weights" in card
    before = [{**member, "left_out": ()} for member in members]
    card = card_of(trained, training={"members": before})
    assert "left out another part" not in card
    assert "validation patch AUC of the chosen weights" in card


def test_one_data_set_is_a_limit_and_two_are_not(trained):
    assert "all training patients are of mias" in section(card_of(trained), "Limits")
    head, *rows = trained.mammograms.read_text().splitlines(keepends=True)
    last = rows.pop()
    assert ",train," in last
    trained.mammograms.write_text("".join([head, *rows, last.replace(",mias,", ",inbreast,")]))
    assert "One data set" not in section(card_of(trained), "Limits")


def test_what_is_not_recorded_is_a_limit(trained):
    assert "Not recorded of these mammograms: breast density, site, scanner." in card_of(trained)


def test_only_a_phantom_is_called_synthetic_and_that_on_its_face(tmp_path, run):
    phantom = fabricate(tmp_path, [Woman("a", "train", "counts"), Woman("b", "test")])
    card = write_model_card(phantom).read_text()
    assert card.splitlines()[2].startswith("> **SYNTHETIC.**")
    assert "SYNTHETIC" not in card_of(run)


def test_it_says_once_that_it_is_no_medical_device(run):
    card = card_of(run)
    assert card.count("medical device") == 1
    assert "not a medical device" in section(card, "Intended use")


def test_audits_and_a_failed_control_are_told_and_names_cannot_break_the_table(run):
    write_text(run.audit, json_text(AUDIT))
    write_text(run.controls, json_text({"controls": {"a|b": CONTROL}}))
    card = section(card_of(run), "Audits and controls")
    assert "- **Warning.** The site &lt;b>A\\|B&lt;/b> has abnormal images only." in card
    assert "- All 12 outlines" in card
    assert "| a\\|b | 0.610 | 0.520 to 0.700 | 0.5 | does not hold |" in card
    assert "**A control failed.** It has seen the permuted labels." in card


def test_a_prior_that_was_set_for_the_maps_is_told(run):
    assert "another prior" not in card_of(run)
    metrics = json.loads(run.metrics.read_text()) | {"natural_prior": 0.004}
    run.metrics.write_text(json_text(metrics))
    assert "another prior, 0.40 %" in section(card_of(run), "Calibration")


def test_a_model_of_another_run_is_named(evaluated, tmp_path):
    run = fabricate(tmp_path, women(normal=1, abnormal=1), model=str(evaluated.root))
    card = write_model_card(run).read_text()
    assert f"- trained in another run: {evaluated.root}" in card
    assert "One data set only" not in card


def test_without_a_model_there_is_no_card(tmp_path):
    with pytest.raises(UserError, match="no finished model"):
        write_model_card(RunFolder(tmp_path / "new"))


def test_the_evaluation_completes_it_and_sends_it(evaluated):
    assert "Positions: ROC AUC" in evaluated.model_card.read_text()
    sent = [e["path"] for e in read_events(evaluated.events) if e["event"] == "artifact"]
    assert "model-card.md" in sent


def test_the_same_files_give_the_same_card(run):
    assert card_of(run) == card_of(run)
