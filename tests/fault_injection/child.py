"""Work in a forked process, which a fault may kill, and which starts without importing anything.

What is imported here is there in each child: TensorFlow too, of which nothing is computed before
the fork, so that each child starts it for itself.
"""

import contextlib
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.run.graph import GRAPH

TRACEBACK = 70
LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        status: exit status; minus the signal that killed it.
        text: what it said on standard output and error.
        seconds: that it ran.
    """

    status: int
    text: str
    seconds: float

    @property
    def is_sentence(self) -> bool:
        """Whether it ended by itself with what a user can do about it, and no traceback."""
        return self.status == 2 and "Traceback" not in self.text


def imports_for_children() -> None:
    """Import what stages need, so that children are forked with it."""
    import models  # noqa: F401 - TensorFlow, without its chatter
    from pipeline.train import members  # noqa: F401

    for stage in ("preprocess", "train", "heatmap", "evaluate"):
        _ = GRAPH[stage].work


def in_child(
    work: Callable[[], object],
    *,
    kill_after: float | None = None,
    kill_when: Callable[[Path], bool] | None = None,
    number: int = signal.SIGKILL,
) -> Ended:
    """Call a function in a forked process and wait for its end.

    Args:
        kill_after: seconds until it gets the signal `number`, unless it has ended.
        kill_when: is asked, with the file of what it says, whether it is to get the signal now.
    """
    handle, name = tempfile.mkstemp(prefix="faults-")
    os.close(handle)
    said = Path(name)
    said.chmod(0o666)  # the child may be another user
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _work_and_exit(work, said)
    status = None
    while status is None:
        ended, code = os.waitpid(child, os.WNOHANG)
        now = time.monotonic() - started
        if ended:
            status = os.waitstatus_to_exitcode(code)
        elif now > LIMIT_SECONDS:
            os.kill(child, signal.SIGKILL)
        elif (kill_after is not None and now >= kill_after) or (kill_when and kill_when(said)):
            os.kill(child, number)
            kill_after = kill_when = None
        else:
            time.sleep(0.002)
    text = said.read_text(encoding="utf-8", errors="replace")
    said.unlink()
    return Ended(status, text, time.monotonic() - started)


def _work_and_exit(work: Callable[[], object], said: Path) -> None:
    status = TRACEBACK
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)  # which is the parent's
        output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else TRACEBACK
    except BaseException:  # noqa: BLE001 - the parent is told
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder, which holds data/, runs/ and MLflow's store as the project's would."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
