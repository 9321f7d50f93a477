"""What is counted of the tables of preprocess before a training."""

import pandas as pd
import pytest

from pipeline.train.data.inputs import natural_prior


def test_the_prior_is_counted_without_test_patients_and_ignored_positions():
    positions = pd.DataFrame(
        {
            "split": ["train"] * 4 + ["validation"] * 2 + ["test"] * 3,
            "label": [1, 0, 0, -1, 0, 0, 1, 1, 1],
        }
    )
    assert natural_prior(positions) == pytest.approx(1 / 5)
