"""How long a training says that it takes."""

import pytest

from pipeline.config import TrainSettings
from pipeline.train.first_weights import Member
from pipeline.train.loop import pace as module
from pipeline.train.loop.pace import Pace

TRAIN = TrainSettings(epochs=2, steps_per_epoch=10)
END = 4.0  # of a network, and of an ensemble for each once more


@pytest.fixture
def paced(monkeypatch):
    """The pace of a network after five steps of 2 s, whose validations take 7 s."""

    def paced(**options) -> Pace:
        now = 100.0
        monkeypatch.setattr(module.time, "monotonic", lambda: now)
        pace = Pace(TRAIN, step=0, **options)
        assert pace.seconds_left(0) is None
        now += 5 * 2.0 + 3.0
        pace.pause(3.0)
        assert pace.report(5) == pytest.approx(2.0)
        pace.validation_seconds = 7.0
        return pace

    return paced


def test_the_time_left_includes_validations_and_the_maps_of_all_copies(paced):
    assert paced().seconds_left(5) == pytest.approx(15 * 2 + 2 * 7 + 7 + END)
    assert paced(map_work=3.0).seconds_left(5) == pytest.approx(15 * 2 + 2 * 7 + 3 * 7 + END)


def test_it_includes_the_networks_that_come_later(paced):
    own, whole = 15 * 2 + 2 * 7 + 7 + END, 20 * 2 + 2 * 7 + 7 + END
    assert paced(member=Member(3, 3)).seconds_left(5) == pytest.approx(own + 3 * END)
    assert paced(member=Member(1, 3)).seconds_left(5) == pytest.approx(own + 2 * whole + 3 * END)
