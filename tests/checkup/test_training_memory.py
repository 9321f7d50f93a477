"""The plan of a training that make doctor shows."""

import pytest

from pipeline.checkup import training_memory
from pipeline.checkup.check import OK, PROBLEM
from pipeline.checkup.training_memory import planned, training_check
from tests.train.toy_run import toy_settings


@pytest.mark.parametrize(("free", "state"), [(100e9, OK), (0.5e9, PROBLEM), (None, OK)])
def test_memory_must_suffice_for_the_plan_of_the_training(monkeypatch, free, state):
    monkeypatch.setattr(training_memory, "free_bytes", lambda: (free, training_memory.MACHINE))
    check = training_check(toy_settings())
    assert check.state == state
    assert "activations of 4 crops at once" in check.text
    assert ("train.micro_batch=auto" in check.advice) == (state == PROBLEM)


def test_fewer_crops_at_once_are_planned_with_less():
    at_once, one_by_one = planned(toy_settings()), planned(toy_settings(micro_batch=1))
    assert (at_once.crops, one_by_one.crops) == (4, 1)
    assert one_by_one.activations < 0.6 * at_once.activations


def test_the_plan_is_of_the_crops_that_travel():
    finished, stored = planned(toy_settings()), planned(toy_settings(grey_on_device=True))
    assert 0.5 < stored.batch / finished.batch < 0.6  # 2 bytes a pixel, not 4
    assert stored.activations >= finished.activations
