import numpy as np
import pytest

from pipeline.dicom.percentiles import percentiles


@pytest.mark.parametrize("count", [1, 2, 3, 10, 101, 5000])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_percentiles_are_those_of_numpy_to_the_last_bit(count, kind):
    random = np.random.default_rng(count)
    shares = [0, 0.1, 1, 50, 97, 99.5, 100, *random.uniform(0, 100, 100)]
    for drawn in (random.random(count), np.round(20 * random.random(count))):
        values = drawn.astype(kind)
        before = values.copy()
        np.testing.assert_array_equal(percentiles(values, shares), np.percentile(values, shares))
        np.testing.assert_array_equal(values, before)
