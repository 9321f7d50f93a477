"""The search for the largest number of crops that fits."""

import pytest

from pipeline.config import TrainSettings
from pipeline.train.loop.device_errors import OutOfMemory
from pipeline.train.loop.memory_plan import MemoryPlan
from pipeline.train.memory import largest_that_fits, micro_batches

PLAN = MemoryPlan(weights=0, optimiser=0, activations=800, batch=0, crops=8)


def found(share, *, room, limit=None):
    tried = []

    def attempt(crops):
        tried.append(crops)
        if crops > room:
            raise OutOfMemory("too little", crops)

    return largest_that_fits(share, attempt, plan=PLAN, limit_bytes=limit), tried


def test_all_or_a_power_of_two():
    assert micro_batches(12) == [12, 8, 4, 2, 1]
    assert micro_batches(8) == [8, 4, 2, 1]
    assert micro_batches(1) == [1]


def test_the_largest_that_fits_is_taken():
    assert found(8, room=100) == (8, [8])
    assert found(8, room=3) == (2, [8, 4, 2])


def test_a_limit_spares_the_attempts_that_a_processor_would_be_killed_for():
    assert found(8, room=100, limit=450) == (4, [4])
    assert found(8, room=100, limit=50) == (1, [1])


def test_too_little_for_one_crop_is_said():
    with pytest.raises(OutOfMemory):
        found(8, room=0)


def test_a_setting_takes_auto_or_a_number():
    assert TrainSettings(micro_batch="auto").micro_batch == "auto"
    assert TrainSettings(micro_batch=4).micro_batch == 4
    for wrong in (0, "much"):
        with pytest.raises(ValueError, match="micro_batch"):
            TrainSettings(micro_batch=wrong)
