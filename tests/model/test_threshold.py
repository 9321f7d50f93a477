"""The threshold of regions from the false alarms of validation maps."""

import numpy as np

from pipeline.model.threshold import alarm_logit


def test_the_threshold_leaves_the_false_alarms_asked_for():
    alarms = [np.array([5.0, 1.0]), np.array([3.0]), np.array([2.0, 0.0]), np.array([])]
    for rate, above in ((0.25, 1), (0.5, 2), (1.0, 4)):
        threshold = alarm_logit(alarms, fp_per_image=rate)
        assert sum((a > threshold).sum() for a in alarms) == above
    assert alarm_logit(alarms, fp_per_image=0.1) > 5


def test_too_few_candidates_give_no_threshold():
    assert alarm_logit([np.array([1.0]), np.array([])], fp_per_image=1) is None
    assert alarm_logit([], fp_per_image=1) is None
