"""What is shown with a probability of its own is judged as such: positions, regions, candidates."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from pipeline.config import EvaluateSettings
from pipeline.evaluate.judge import Bootstrap, judge_metric, reliability_bins
from pipeline.evaluate.load import calibrated, load_judged
from pipeline.evaluate.matching import match_regions, told_hits
from pipeline.figures.registry import METRICS
from pipeline.model.calibration import Calibration
from tests.evaluate.fabricated_run import Woman, fabricate

PEOPLE = [
    Woman("found", "test", "counts"),
    Woman("other", "test", "counts"),
    Woman("normal", "test"),
    Woman("benign", "test", "left out"),
    Woman("somewhere", "test", "unlocated"),
    Woman("train-1", "train"),
    Woman("train-2", "train", "counts"),
]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    return load_judged(fabricate(tmp_path_factory.mktemp("shown"), PEOPLE))


def points(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Candidates or regions: image, finding that is hit, probability."""
    table = pd.DataFrame(rows, columns=["image_id", "finding_id", "probability"])
    shown = logit(table["probability"])
    return table.assign(shown_logit=shown, score=shown, candidate_probability=np.nan)


POINTS = points(
    ("found", "f-found", 0.8),
    ("found", "", 0.4),
    ("normal", "", 0.3),
    ("benign", "f-benign", 0.9),  # a finding that does not count: neither
    ("benign", "", 0.5),
    ("somewhere", "", 0.9),  # it may be right: nobody outlined what is there
)


def figure(judged, name: str):
    return judge_metric(METRICS[name], judged, Bootstrap.of(judged, EvaluateSettings(bootstrap=50)))


def test_what_hits_a_finding_that_counts_is_right_and_what_nobody_knows_is_left_out(judged):
    told = told_hits(judged, POINTS)
    known = judged.images.set_index("image_id")["truth"]
    assert told["label"].tolist() == [1] + [0] * (len(told) - 1)
    assert told["probability"].tolist()[:3] == [0.8, 0.4, 0.3]
    assert not (told["finding_id"] == "f-benign").any()
    assert "somewhere" not in set(told["image_id"])
    assert known["somewhere"] == 1


@pytest.mark.parametrize("kind", ["regions", "candidates"])
def test_they_are_judged_by_the_sum_of_their_probabilities(judged, kind):
    of = figure(replace(judged, **{kind: POINTS}), f"observed_over_expected_of_{kind}")
    assert of.n == len(told_hits(judged, POINTS))
    assert of.value == pytest.approx(1 / told_hits(judged, POINTS)["probability"].sum())


def test_a_score_that_is_a_probability_is_judged_by_the_best_of_each_finding(judged):
    scored = pd.concat([POINTS, points(("found", "f-found", 0.95))], ignore_index=True)
    scored = scored.assign(candidate_probability=[0.6, 0.2, 0.1, 0.5, 0.1, 0.5, 0.3])
    scored = scored.assign(score=logit(scored["candidate_probability"]))
    of = figure(replace(judged, candidates=scored), "observed_over_expected_of_candidates")
    promised = [0.6, 0.2, 0.1, 0.1]  # the further one in the finding is left out: 0.3
    assert of.n == len(promised)
    assert of.value == pytest.approx(1 / sum(promised))


def test_positions_above_the_threshold_are_judged_by_what_is_shown(judged):
    four = judged.positions[judged.positions["label"] == 1].head(2)
    four = pd.concat([four, judged.positions[judged.positions["label"] == 0].head(2)])
    shown = logit(np.array([0.9, 0.1, 0.7, 0.9]))
    above = np.array([True, False, True, True])
    positions = four.assign(shown_logit=shown, logit=shown + 5, above_threshold=above)
    of = figure(replace(judged, positions=positions), "observed_over_expected_above_threshold")
    assert (of.n, of.value) == (3, pytest.approx(1 / (0.9 + 0.7 + 0.9)))


@pytest.mark.parametrize("kind", ["regions", "candidates"])
def test_without_any_the_figure_is_undefined_and_says_so(judged, kind):
    of = figure(replace(judged, **{kind: POINTS.iloc[:0]}), f"observed_over_expected_of_{kind}")
    assert of.value is None
    assert of.reason == f"there are no {kind} whose truth is known"


def test_without_positions_above_the_threshold_the_figure_says_so(judged):
    none = judged.positions.assign(above_threshold=False)
    of = figure(replace(judged, positions=none), "observed_over_expected_above_threshold")
    assert of.reason == "there are no positions above the region threshold whose truth is known"


def test_the_bins_hold_every_position_once_and_count_lesions(judged):
    bins = reliability_bins(judged, Bootstrap.of(judged, EvaluateSettings(bootstrap=50)))
    assert sum(row["count"] for row in bins) == len(judged.positions)
    assert sum(row["positives"] for row in bins) == (judged.positions["label"] == 1).sum()
    assert max(row["lesions"] for row in bins) <= judged.lesions
    for lower, upper in pairwise(bins):
        assert lower["highest"] <= upper["lowest"]
    for row in bins:
        assert row["lowest"] <= row["mean_probability"] <= row["highest"]
        assert row["observed"] == row["positives"] / row["count"]


def test_a_cap_ties_no_ranking_of_regions(judged):
    trained = judged.regions.assign(trained_logit=np.arange(len(judged.regions)) - 2.0)
    regions = calibrated(trained, Calibration(0.5, 0.5, 1.0, lesions=0))
    assert regions["shown_logit"].nunique() < regions["logit"].nunique()
    scores = match_regions(replace(judged, regions=regions)).matches.false_scores
    assert len(np.unique(scores)) == len(scores)
