"""Loss against ranking, in words."""

from pathlib import Path

import pytest

from pipeline.report.training import describe_training, remarks_on
from pipeline.run.atomic import write_text
from pipeline.run.layout import RunFolder
from tests.evaluate.fabricated_run import fabricate, women
from tests.model.cards import change_card

BOTH_IMPROVE = [(100, 0.80, 0.50), (200, 0.90, 0.40)]
RANKING_GOES_ON = [(100, 0.80, 0.40), (200, 0.90, 0.50)]
RANKING_HOLDS = [(100, 0.900, 0.40), (200, 0.895, 0.55), (300, 0.893, 0.60)]
RANKING_FALLS = [(100, 0.900, 0.40), (200, 0.880, 0.45), (300, 0.850, 0.60)]


def written(path: Path, rows: list[tuple]) -> Path:
    lines = [f"{step},0.3,{auc},{loss}" for step, auc, loss in rows]
    write_text(path, "\n".join(["step,train_loss,validation_auc,validation_loss", *lines, ""]))
    return path


@pytest.fixture
def remarks(tmp_path):
    return lambda rows: remarks_on(written(tmp_path / "history.csv", rows))


def test_where_loss_and_ranking_agree_there_is_nothing_to_say(remarks):
    assert remarks(BOTH_IMPROVE) == []
    assert remarks([(100, 0.90, 0.400), (200, 0.85, 0.402)]) == []  # the loss did not rise
    assert remarks([(100, 0.90, 0.40)]) == []


def test_the_ranking_went_on_improving_while_the_loss_rose(remarks):
    (remark,) = remarks(RANKING_GOES_ON)
    assert "those of step 200, with the highest validation AUC" in remark
    assert "lowest earlier, at step 100 (0.4000 against 0.5000)" in remark
    assert "too certain, which the calibration corrects" in remark


def test_the_ranking_held_while_the_loss_rose(remarks):
    (remark,) = remarks(RANKING_HOLDS)
    assert "loss rose from 0.4000 at step 100 to 0.6000 at step 300" in remark
    assert "the ranking held (AUC 0.9000 at best, 0.8930 at the end)" in remark
    assert "The weights are those of step 100." in remark


def test_the_ranking_held_also_when_the_loss_was_lowest_after_the_chosen_step(remarks):
    (remark,) = remarks([(100, 0.900, 0.60), (200, 0.895, 0.40), (300, 0.895, 0.55)])
    assert "loss rose from 0.4000 at step 200 to 0.5500 at step 300" in remark


def test_the_ranking_fell_as_well(remarks):
    (remark,) = remarks(RANKING_FALLS)
    assert "After step 100 the ranking got worse as well" in remark
    assert "fell from 0.9000 to 0.8500" in remark
    assert "rose from 0.4000 at step 100 to 0.6000 at step 300" in remark
    assert "held" not in remark


def test_first_too_certain_and_then_worse_is_told_in_this_order(remarks):
    first, second = remarks([*RANKING_GOES_ON, (300, 0.85, 0.70)])
    assert "lowest earlier" in first
    assert "After step 200 the ranking got worse as well" in second


@pytest.mark.parametrize(
    "text", [None, "", "step,train_loss,validation_auc,validation_loss\n1,2,,\n"]
)
def test_without_validations_nothing_is_known(tmp_path, text):
    path = tmp_path / "history.csv"
    if text is not None:
        path.write_text(text)
    assert remarks_on(path) == []


@pytest.fixture
def ensemble(tmp_path) -> RunFolder:
    """Three networks; a folder of a fourth is left from an ensemble of before."""
    run = fabricate(tmp_path, women(normal=1, abnormal=1))
    other = {"best_step": 1, "validation_loss": 0.4}
    members = [other | {"validation_auc": auc} for auc in (0.9, 0.91, None)]
    change_card(run.model, training={"members": members})
    (run.model / "history.csv").write_text("")
    for number, rows in enumerate(
        (RANKING_GOES_ON, BOTH_IMPROVE, RANKING_FALLS, RANKING_HOLDS), start=1
    ):
        written(run.member(number).model / "history.csv", rows)
        write_text(run.member(number).plots / "training.svg", f"curves of {number}")
    write_text(run.plots / "training.svg", "curves of a single network of before")
    return run


def test_each_network_of_an_ensemble_is_named(ensemble):
    first, third = describe_training(ensemble).remarks
    assert first.startswith("Network 1 of 3: The weights are those of step 200")
    assert third.startswith("Network 3 of 3: After step 100 the ranking got worse as well")


def test_the_curves_of_an_ensemble_are_those_of_its_networks(ensemble):
    curves = describe_training(ensemble).curves
    assert curves == [
        (f"Network {n} of 3", ensemble.member(n).plots / "training.svg") for n in (1, 2, 3)
    ]


def test_a_network_without_a_validation_auc_is_no_obstacle(ensemble):
    facts = dict(describe_training(ensemble).facts)
    assert facts["ensemble of 3 networks, each alone"] == "0.9000, 0.9100, unknown"
