"""The learning rate and the decay of the average."""

import pytest

from pipeline.train.loop.schedule import average_decay, learning_rate


def rates(steps, warmup, final=0.0):
    return [
        learning_rate(s, peak=2.0, warmup_steps=warmup, steps=steps, final=final)
        for s in range(steps)
    ]


def test_it_rises_to_the_peak_in_the_warm_up():
    assert rates(100, 4)[:4] == pytest.approx([0.5, 1.0, 1.5, 2.0])


def test_it_falls_to_almost_nothing():
    falling = rates(100, 4)[4:]
    assert falling[0] == 2.0
    assert falling == sorted(falling, reverse=True)
    assert 0 < falling[-1] < 0.01


def test_it_falls_to_the_share_of_the_peak_that_is_asked_for():
    assert rates(100, 4, final=0.5)[-1] == pytest.approx(1.0, abs=0.01)
    assert rates(100, 4, final=1.0)[4:] == pytest.approx([2.0] * 96)
    assert rates(100, 4, final=0.5)[:4] == rates(100, 4)[:4]


def test_a_long_warm_up_is_cut_to_a_tenth():
    assert max(rates(20, 1000)) == 2.0


def test_without_warm_up_it_starts_at_the_peak():
    assert rates(5, 50)[0] == 2.0


def test_the_average_forgets_the_first_weights_soon():
    assert average_decay(0, decay=0.99) == pytest.approx(0.1)
    assert average_decay(10_000, decay=0.99) == 0.99
    assert average_decay(50, decay=0.0) == 0.0
