"""How well a label is told from a few numbers, on other patients."""

import numpy as np
import pytest

from pipeline.preprocess.audit import predictable
from pipeline.preprocess.audit.predictable import predictability


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch):
    monkeypatch.setattr(predictable, "SAMPLES", 100)


def table(*, patients=60, told=0.0, seed=0):
    """Two images of each patient; `told` of the first of four numbers is the label."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.permutation(patients) % 2, 2)
    features = rng.normal(size=(2 * patients, 4))
    features[:, 0] += told * 3 * labels
    return features, labels, [f"p{i // 2:03d}" for i in range(2 * patients)]


def test_numbers_that_know_nothing_give_an_interval_around_one_half():
    found = [predictability(*table(seed=seed)) for seed in range(5)]
    assert all(figure.low < 0.5 < figure.high for figure in found)


def test_numbers_that_know_the_label_give_an_interval_above_one_half():
    figure = predictability(*table(told=1.0))
    assert figure.value > 0.9
    assert figure.low > 0.8
    assert figure.n == 120


def test_numbers_of_the_patient_alone_tell_nothing_about_other_patients():
    _, labels, patients = table()
    identity = np.eye(60)[np.repeat(np.arange(60), 2)]  # memorised, they tell all
    figure = predictability(identity, labels, patients)
    assert figure.value < 0.6


def test_scale_and_outliers_do_not_matter():
    features, labels, patients = table(told=0.3)
    assert predictability(np.exp(5 * features), labels, patients) == predictability(
        features, labels, patients
    )


def test_missing_numbers_count_as_average():
    features, labels, patients = table(told=1.0)
    features[::10, 0] = np.nan
    assert predictability(features, labels, patients).low > 0.8


def test_the_same_seed_gives_the_same_figure_and_another_a_similar_one():
    data = table(told=0.3)
    assert predictability(*data, seed=3) == predictability(*data, seed=3)
    assert abs(predictability(*data, seed=3).value - predictability(*data, seed=4).value) < 0.1


def test_too_few_patients_of_a_kind_are_counted():
    features, labels, patients = table()
    labels[:] = 0
    labels[:4] = 1
    figure = predictability(features, labels, patients)
    assert figure.value is None
    assert figure.reason == "2 patients with positive images, at least 10 are needed"


def test_numbers_that_never_differ_are_undefined():
    _, labels, patients = table()
    figure = predictability(np.ones((120, 2)), labels, patients)
    assert (figure.value, figure.reason) == (None, "all images are alike in it")
