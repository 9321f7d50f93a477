"""ROC AUC and average precision against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from pipeline.figures.ranking import (
    average_precision,
    partial_auc,
    precision_recall_curve,
    roc_auc,
    roc_curve,
)


def labels_and_scores(*, ties: bool):
    rng = np.random.default_rng([7, int(ties)])
    labels = rng.random(500) < 0.1
    scores = rng.normal(size=500) + labels
    return labels, np.round(scores, 1) if ties else scores


@pytest.mark.parametrize("ties", [False, True])
def test_both_figures_agree_with_scikit_learn(ties):
    labels, scores = labels_and_scores(ties=ties)
    assert roc_auc(labels, scores) == pytest.approx(
        sklearn_metrics.roc_auc_score(labels, scores), abs=1e-12
    )
    assert average_precision(labels, scores) == pytest.approx(
        sklearn_metrics.average_precision_score(labels, scores), abs=1e-12
    )


@pytest.mark.parametrize("figure", [roc_auc, average_precision])
def test_a_weight_of_two_is_a_sample_that_is_there_twice(figure):
    labels, scores = labels_and_scores(ties=True)
    weights = np.random.default_rng(3).integers(0, 4, size=len(labels))
    repeated = np.repeat(np.arange(len(labels)), weights)
    assert figure(labels, scores, weights) == pytest.approx(
        figure(labels[repeated], scores[repeated]), abs=1e-12
    )


def test_equal_scores_are_chance():
    assert roc_auc([0, 1, 0, 1], [2, 2, 2, 2]) == 0.5
    assert average_precision([0, 1, 0, 1], [2, 2, 2, 2]) == 0.5


def test_reversed_scores_give_zero():
    assert roc_auc([1, 0], [-1, 1]) == 0.0


def test_the_roc_curve_goes_from_corner_to_corner():
    false_rate, true_rate = roc_curve([0, 1, 0, 1], [1, 2, 3, 4])
    assert false_rate.tolist() == [0, 0, 0.5, 0.5, 1]
    assert true_rate.tolist() == [0, 0.5, 0.5, 1, 1]


def test_precision_and_recall_by_hand():
    recall, precision = precision_recall_curve([0, 1, 0, 1], [1, 2, 3, 4])
    assert recall.tolist() == [0, 0.5, 0.5, 1, 1]
    assert precision == pytest.approx([1, 1, 1 / 2, 2 / 3, 1 / 2])
    with pytest.raises(ValueError, match="at least one positive"):
        precision_recall_curve([0, 0], [1, 2])


@pytest.mark.parametrize(("labels", "missing"), [([1, 1], "negative"), ([0, 0], "positive")])
def test_a_missing_class_is_named(labels, missing):
    with pytest.raises(ValueError, match=f"both classes, there is no {missing}"):
        roc_auc(labels, [1, 2])


def test_ignored_labels_and_scores_of_nan_are_refused():
    with pytest.raises(ValueError, match="leave ignored positions out"):
        roc_auc([0, 1, -1], [1, 2, 3])
    with pytest.raises(ValueError, match="finite, 1 are not"):
        roc_auc([0, 1], [1, np.nan])


def test_the_partial_auc_agrees_with_scikit_learn_and_is_half_for_chance():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 400)
    scores = np.round(rng.normal(size=400) + labels, 1)
    expected = sklearn_metrics.roc_auc_score(labels, scores, max_fpr=0.1)
    assert partial_auc(labels, scores) == pytest.approx(expected, abs=1e-12)
    assert partial_auc([0, 1], [1.0, 1.0]) == pytest.approx(0.5)
