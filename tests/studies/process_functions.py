"""What the tests of sub runs do in another process, which imports it by name."""

import os
import signal
import time
from pathlib import Path

from pipeline.run.errors import UserError


def fail() -> None:
    raise UserError("no positions")


def end_the_parent() -> None:
    """Tell the parent to end, and end 20 s later unless it passes that on."""
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(20)


def ignore_the_end_of_the_parent(path: str) -> None:
    """Finish something after the signal, as a training does with its checkpoint."""

    def finish(*_) -> None:
        Path(path).write_text("checkpoint")
        os._exit(143)

    signal.signal(signal.SIGTERM, finish)
    end_the_parent()
