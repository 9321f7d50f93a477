"""Ctrl-C once is a wish, twice an end; neither is a traceback."""

import os
import signal

import pytest

from pipeline.run.signals import stop_request


def test_the_first_signal_is_a_wish_and_the_second_ends_with_its_status():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as ended, stop_request() as request:
        os.kill(os.getpid(), signal.SIGINT)
        assert request.signal == signal.SIGINT
        os.kill(os.getpid(), signal.SIGINT)
    assert ended.value.code == 130
    assert signal.getsignal(signal.SIGINT) is before
