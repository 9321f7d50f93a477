"""What ends a command from outside: signals, whenever they come, and an output without a reader."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import map_images
from pipeline.run.settings import Remembered, remember
from pipeline.run.signals import SIGNALS
from pipeline.run.stage import open_stage
from tests.run.pool_functions import blocked_signals

SCRIPTS = Path(__file__).parents[2] / "scripts"
KILL = "os.kill(os.getpid(), signal.SIGINT)"
BEGIN = f"""import atexit, os, signal, sys, time
sys.path.insert(0, {str(SCRIPTS)!r})
import start
"""


@pytest.fixture
def run(tmp_path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    remember(run, Settings(), Remembered("configs/default.yaml", {}, ""))
    return run


@pytest.fixture
def handlers():
    """The handlers of before, afterwards: a signal ends a process, and so are left as they are."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_stage_with_a_sentence_and_the_next_ones_do_not_disturb_that(
    run, capsys, handlers, number
):
    ended = []
    with pytest.raises(SystemExit) as exit_, open_stage("heatmap", run.root):
        try:
            os.kill(os.getpid(), number)
            time.sleep(9)
        finally:
            os.kill(os.getpid(), number)
            ended.append(True)
    os.kill(os.getpid(), number)  # as the interpreter ends
    assert (exit_.value.code, ended) == (128 + number, [True])
    assert capsys.readouterr().err == (
        f"heatmap: ended by {number.name}. The same command goes on with what is done.\n"
    )
    assert read_events(run.events)[-1]["status"] == "failed"


def test_a_stage_that_no_signal_ends_leaves_the_handlers_as_they_were(run, handlers):
    with open_stage("heatmap", run.root):
        assert signal.getsignal(signal.SIGINT) is not handlers[signal.SIGINT]
    assert {number: signal.getsignal(number) for number in SIGNALS} == handlers


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (f"{KILL}; time.sleep(9)", "ended by SIGINT\n"),  # while libraries are imported
        (
            f"def work():\n {KILL}\n time.sleep(9)\nstart.command_line(work)",
            "work: ended by SIGINT. The same command goes on with what is done.\n",
        ),
        (
            f"atexit.register(lambda: ({KILL}, time.sleep(9)))\n"
            "def work(): pass\nstart.command_line(work)",
            "ended by SIGINT\n",
        ),
    ],
)
def test_a_signal_before_in_and_after_a_command_is_no_traceback(code, said):
    code = BEGIN + code
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, said)


def test_a_long_call_of_a_library_does_not_hold_up_the_end():
    code = (
        f"{BEGIN}import hashlib, threading\n"
        "from pipeline.run import signals\n"
        "signals.SECONDS_TO_END = 0.3\n"
        "password = bytearray(b'x')\n"
        "def kill():\n"
        " try:\n  while True: password.append(0); time.sleep(0.02)\n"
        f" except BufferError: {KILL}\n"  # the library has it
        "def work():\n"
        " threading.Thread(target=kill).start()\n"
        " hashlib.pbkdf2_hmac('sha256', password, b'y', 10**9)\n"
        "start.command_line(work)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    said = "ended by SIGINT in the middle of a long step. The same command goes on.\n"
    assert (done.returncode, done.stderr) == (130, said)


@pytest.mark.parametrize("name", ["INT", "HUP"])
def test_a_command_that_nohup_shields_goes_on(name):
    code = (
        f"{BEGIN}from pipeline.run.signals import stop_request\n"
        "def work():\n"
        " with stop_request() as request:\n"
        f"  os.kill(os.getpid(), signal.SIG{name})\n"
        " print('done' if not request.signal else 'stopped')\n"
        "start.command_line(work)"
    )
    words = ["bash", "-c", f'trap "" {name}; exec "$@"', "bash", sys.executable, "-c", code]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.fixture
def terminal():
    """Both ends of one: what is like the window, and what a process has."""
    ends = os.openpty()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def hung_up(terminal: tuple[int, int], code: str) -> int:
    """Status of a process whose connection drops as soon as it has begun its work."""
    window, line = terminal
    own = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    words = [sys.executable, "-c", own + BEGIN + code]
    process = subprocess.Popen(words, stdin=line, stdout=line, stderr=line, start_new_session=True)
    os.close(line)
    said = b""
    while b"begun" not in said:
        said += os.read(window, 99)
    os.close(window)
    return process.wait(120)


def test_a_connection_that_drops_ends_a_stage_which_comes_to_its_end(run, terminal):
    code = (
        "from pathlib import Path\n"
        "from pipeline.run.stage import open_stage\n"
        "def work():\n"
        f" with open_stage('train', Path({str(run.root)!r})):\n"
        "  try:\n   print('begun', flush=True)\n   time.sleep(20)\n"
        # what is told a terminal that is gone fails
        "  finally:\n   print('ends')\n   print('ends', file=sys.stderr, flush=True)\n"
        "start.command_line(work)"
    )
    assert hung_up(terminal, code) == 128 + signal.SIGHUP
    last = read_events(run.events)[-1]
    assert (last["event"], last["message"]) == ("finish", f"SystemExit: {128 + signal.SIGHUP}")


def test_a_connection_that_drops_lets_a_training_write_its_checkpoint(tmp_path, terminal):
    code = (
        "from pathlib import Path\n"
        "from pipeline.run.signals import stop_request\n"
        "def work():\n"
        " with stop_request() as request:\n"
        "  print('begun', flush=True)\n"
        "  while not request.signal: time.sleep(0.01)\n"
        "  print('stopped', flush=True)\n"
        f"  Path({str(tmp_path / 'kept')!r}).touch()\n"
        "  raise SystemExit(128 + request.signal)\n"
        "start.command_line(work)"
    )
    assert hung_up(terminal, code) == 128 + signal.SIGHUP
    assert (tmp_path / "kept").is_file()


BEGUN = "print('begun', flush=True)"


@pytest.mark.parametrize(
    "code",
    [
        f"{BEGUN}; time.sleep(20)",
        "import hashlib\nfrom pipeline.run import signals\nsignals.SECONDS_TO_END = 0.3\n"
        f"def work():\n {BEGUN}\n hashlib.pbkdf2_hmac('sha256', b'x', b'y', 10**9)\n"
        "start.command_line(work)",
        f"atexit.register(lambda: ({BEGUN}, time.sleep(20)))\nstart.command_line(lambda: None)",
    ],
)
def test_a_connection_that_drops_before_in_a_long_call_and_after_the_work_ends_it(terminal, code):
    assert hung_up(terminal, code) == 128 + signal.SIGHUP


def test_an_output_that_nobody_reads_any_more_is_a_sentence():
    code = f"{BEGIN}def work():\n while True: print('x' * 99, flush=True)\nstart.command_line(work)"
    words = ["bash", "-o", "pipefail", "-c", '"$@" | head -1', "bash", sys.executable, "-c", code]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    said = "What read the output has ended. Give the same command again: it goes on.\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_workers_get_no_signals_and_their_parent_does():
    (blocked,) = map_images(blocked_signals, [0], workers=1)
    assert set(SIGNALS) <= set(blocked)
    assert not {*SIGNALS} & signal.pthread_sigmask(signal.SIG_BLOCK, ())
