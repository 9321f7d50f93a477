"""What the tests of sub runs do in another process, which imports it by name."""

import os
import signal
import time
from pathlib import Path

from pipeline.run.errors import UserError


def fail() -> None:
    raise UserError("no positions")


def work_on(path: str) -> None:
    time.sleep(20)
    Path(path).touch()


def end_the_parent() -> None:
    """Tell the parent to end, and end a minute later unless it passes that on."""
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(60)


def ignore_the_end_of_the_parent(path: str) -> None:
    """Finish something after the signal, as a training does with its checkpoint."""
    _finish_when_told(path)
    end_the_parent()


def _finish_when_told(path: str) -> None:
    def finish(*_) -> None:
        Path(path).write_text("checkpoint")
        os._exit(143)

    signal.signal(signal.SIGTERM, finish)


def kill_the_parent(path: str) -> None:
    """The same where the parent is killed and tells nothing."""
    _finish_when_told(path)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def study_with(path: str) -> None:
    """A study whose part kills it."""
    from pipeline.studies.subruns import in_own_process

    in_own_process(kill_the_parent, path)
