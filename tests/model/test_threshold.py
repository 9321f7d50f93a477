"""The threshold of regions from the false alarms of validation maps."""

import numpy as np

from pipeline.model.calibration import Calibration
from pipeline.model.threshold import alarm_logit, region_threshold


def test_the_threshold_leaves_the_false_alarms_asked_for():
    alarms = [np.array([5.0, 1.0]), np.array([3.0]), np.array([2.0, 0.0]), np.array([])]
    for rate, above in ((0.25, 1), (0.5, 2), (1.0, 4)):
        threshold = alarm_logit(alarms, fp_per_image=rate)
        assert sum((a > threshold).sum() for a in alarms) == above
    assert alarm_logit(alarms, fp_per_image=0.1) > 5


def test_too_few_candidates_give_no_threshold():
    assert alarm_logit([np.array([1.0]), np.array([])], fp_per_image=1) is None
    assert alarm_logit([], fp_per_image=1) is None


def test_equal_scores_are_let_through_together_or_not_at_all():
    # The second of three equal false alarms would be one too many on one image.
    threshold = alarm_logit([np.array([5.0, 5.0, 5.0, 1.0])], fp_per_image=1)
    assert sum(score >= threshold for score in (5.0, 5.0, 5.0, 1.0)) == 0
    # Four on one image may all pass: there is none that is one too many.
    assert alarm_logit([np.array([5.0, 5.0, 5.0, 1.0])], fp_per_image=4) is None
    three = alarm_logit([np.array([5.0, 5.0, 5.0, 1.0])], fp_per_image=3)
    assert three == 3.0


def test_29_false_alarms_on_100_images_are_allowed_at_0_29_an_image():
    alarms = [np.array([float(score)]) for score in range(100)]
    threshold = alarm_logit(alarms, fp_per_image=0.29)  # 0.29 * 100 is 28.999999999999996
    assert threshold == 70.5
    assert sum((a >= threshold).sum() for a in alarms) == 29


def test_the_region_threshold_leaves_no_more_false_alarms_than_asked_for():
    calibration = Calibration(0.5, 0.1, 1.0)
    alarms = [np.array([5.0, 5.0, 5.0, 1.0])]
    found = region_threshold(alarms, calibration, fp_per_image=1, whose="validation")
    assert (calibration.probability(alarms[0]) >= found.probability).sum() == 0
    assert found.source == "1 false alarm per mammogram, on 1 validation mammograms"
