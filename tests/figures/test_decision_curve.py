"""Net benefit by hand."""

import numpy as np
import pytest
from scipy.special import logit

from pipeline.figures.bootstrap import Scored, patient_weights
from pipeline.figures.decision_curve import net_benefit, net_benefit_of_all, net_benefit_samples

LABELS = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
PROBABILITIES = [0.9, 0.25, 0.1, 0.6, 0.25, 0.2, 0.1, 0.1, 0.0, 0.0]


def test_it_is_the_value_worked_out_by_hand():
    # At 1/4: two hits, two needless actions that weigh 1/3 each; a value at the threshold acts.
    assert net_benefit(LABELS, PROBABILITIES, 0.25) == pytest.approx((2 - 2 / 3) / 10)
    # At 1/2: one hit, one needless action that weighs as much.
    assert net_benefit(LABELS, PROBABILITIES, 0.5) == 0.0
    assert net_benefit_of_all(LABELS, 0.25) == pytest.approx((3 - 7 / 3) / 10)


def test_a_sample_is_the_figure_of_the_repeated_patients():
    patient = np.arange(10) // 2
    scored = Scored(np.array(LABELS), logit(np.clip(PROBABILITIES, 1e-9, 1)), patient)
    weights = patient_weights(5, samples=20, seed=1)
    expected = [
        net_benefit(*(np.repeat(x, row[patient].astype(int)) for x in (LABELS, PROBABILITIES)), 0.2)
        for row in weights
    ]
    np.testing.assert_allclose(net_benefit_samples(scored, weights, 0.2), expected)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_lies_between_0_and_1(threshold):
    with pytest.raises(ValueError, match="between 0 and 1"):
        net_benefit(LABELS, PROBABILITIES, threshold)
