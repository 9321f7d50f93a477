"""The scripts of cloud/, executed up to the command that they give on the machine of others."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from cloud.lease import RENEWALS, Lease, Note, Taken, owner_of
from pipeline.run.signals import SIGNALS

CLOUD = Path(__file__).parents[1] / "cloud"
SECONDS = 120  # to wait at most
SAYS = '#!/bin/sh\necho "${0##*/} $* RUN=$RUN" >> "$HOME/said"\n'
TERMINATED = 128 + signal.SIGTERM


@pytest.fixture
def machine(tmp_path):
    """A folder with a home and commands that say how they were called."""
    for name, more in {
        "make": "",
        "scontrol": "",
        "srun": 'exec "$@"\n',
        "python3": "exit ${TOO_OLD:-0}\n",
        "uv": f"echo {tmp_path}/newer/python3\n",
    }.items():
        command(tmp_path / "bin" / name, more)
    return tmp_path


def command(path: Path, more: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(SAYS + more)
    path.chmod(0o755)


def begun(machine, script, *arguments, **variables):
    path = f"{machine / 'bin'}:/usr/bin:/bin"
    environment = {"PATH": path, "HOME": str(machine), "RUN": "runs/x", **variables}
    words = ["bash", str(CLOUD / script), *arguments]
    with (machine / "printed").open("w") as file:
        return subprocess.Popen(words, cwd=machine, env=environment, stdout=file, stderr=file)


def said(machine) -> list[str]:
    return (machine / "said").read_text().splitlines()


def wait_for(machine, line: str) -> None:
    until = time.monotonic() + SECONDS
    while not (machine / "said").is_file() or line not in said(machine):
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("script", sorted(path.name for path in CLOUD.glob("*.sh")))
def test_scripts_are_bash_and_can_be_executed(script):
    subprocess.run(["bash", "-n", CLOUD / script], check=True)
    assert os.access(CLOUD / script, os.X_OK)


def slurm(machine, *goals):
    return begun(machine, "slurm.sh", *goals, SLURM_SUBMIT_DIR=str(machine), SLURM_JOB_ID="77")


def test_a_slurm_job_makes_the_run_on_the_node(machine):
    job = slurm(machine)
    assert job.wait(SECONDS) == 0
    goals = "make train heatmap evaluate RUN=runs/x"
    assert said(machine) == [f"srun {goals}", goals]
    assert slurm(machine, "evaluate").wait(SECONDS) == 0
    assert said(machine)[-1] == "make evaluate RUN=runs/x"


def test_a_slurm_job_that_fails_is_not_queued_again(machine):
    command(machine / "bin" / "make", "exit 2\n")
    assert slurm(machine).wait(SECONDS) == 2
    assert not any(line.startswith("scontrol") for line in said(machine))


def started_make(machine) -> subprocess.Popen:
    """A job whose make ends when it is told to, a moment later, as a training does."""
    command(
        machine / "bin" / "make",
        'trap "sleep 0.2; echo kept >> $HOME/said; exit 143" TERM\necho on >> "$HOME/said"\n'
        "for _ in $(seq 2400); do sleep 0.05; done\n",  # ends by itself where the test fails
    )
    job = slurm(machine)
    wait_for(machine, "on")
    return job


def test_a_slurm_job_out_of_time_keeps_its_checkpoint_and_is_queued_again(machine):
    job = started_make(machine)
    job.send_signal(signal.SIGUSR1)  # --signal=B:USR1@120
    assert job.wait(SECONDS) == 0
    assert said(machine)[-2:] == ["kept", "scontrol requeue 77 RUN=runs/x"]


def test_a_cancelled_slurm_job_is_not_queued_again(machine):
    job = started_make(machine)
    (step,) = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    os.kill(int(step), signal.SIGTERM)
    assert job.wait(SECONDS) == TERMINATED
    assert said(machine)[-1] == "kept"


def test_the_options_of_slurm_ask_for_a_gpu_and_to_be_queued_again():
    lines = (CLOUD / "slurm.sh").read_text().splitlines()
    options = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH --")]
    assert {"gres=gpu:1", "requeue", "open-mode=append", "signal=B:USR1@120"} <= set(options)
    first = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    assert not any(line.startswith("#SBATCH") for line in lines[first:])  # sbatch stops there


def test_a_rented_machine_builds_the_environment_with_object_stores(machine):
    assert begun(machine, "set_up.sh").wait(SECONDS) == 0
    assert said(machine)[-1] == "make setup setup-scale RUN=runs/x"
    assert not any(line.startswith("uv") for line in said(machine))


def test_a_rented_machine_gets_a_newer_python_where_its_own_is_too_old(machine):
    command(machine / "bin" / "make", 'echo "$PATH" >> "$HOME/said"\n')
    assert begun(machine, "set_up.sh", TOO_OLD="1").wait(SECONDS) == 0
    assert said(machine)[-1].startswith(f"{machine}/newer:")


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """The module, in a folder of its own where files can only be written from begin to end."""
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("keep", CLOUD / "keep.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SECONDS", 0.1)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield module
    for number, handler in before.items():
        signal.signal(number, handler)


def lease_of(machine: str, *, seconds: float = 0.1) -> Lease:
    return Lease(Path("bucket/runs/x"), machine, seconds=seconds)


def note_of(machine: str, **others) -> Note:
    """Puts a note into the bucket, as a machine does that went on."""
    note = Note(machine, f"process 7 on {machine}", "this morning", "just now", 3, **others)
    path = Path("bucket/runs/.x.lease")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(note)))
    return note


def write(path: Path, text: str, *, at: int) -> Path:
    """Replace a file, as the stages do, written at a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}")
    new.write_text(text)
    os.utime(new, (at, at))
    return new.replace(path)


def texts(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_what_changed_is_kept_in_the_order_of_writing_and_deleted_last(keep, monkeypatch):
    folder, kept = Path("runs/x"), Path("bucket/runs/x")
    write(folder / "old", "1", at=10)
    write(folder / "same", "1", at=10)
    keeper = keep.Keeper(folder, kept, {}, lease_of("this one"))
    keeper.keep()
    assert texts(kept) == {"old": "1", "same": "1"}

    (folder / "old").unlink()
    write(folder / "a/last", "1", at=30)
    write(folder / "z/first", "1", at=20)
    (folder / ".7.half").write_text("not finished")
    (folder / "tracking.json").write_text("what the MLflow of this machine has")
    copied, copy = [], shutil.copyfile

    def copy_one(source, target):
        if copied:
            raise OSError(5, "the bucket is away")
        copied.append(target.name)
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", copy_one)
    with pytest.raises(OSError, match=r"a/last cannot be written: the bucket is away"):
        keeper.keep()
    assert texts(kept) == {"old": "1", "same": "1", "z/first": "1"}
    monkeypatch.setattr(shutil, "copyfile", lambda *of: (copied.append(of[1].name), copy(*of)))
    keeper.keep()
    assert copied == ["first", "last"]
    assert texts(kept) == {"same": "1", "z/first": "1", "a/last": "1"}
    assert sorted(path.name for path in Path("runs").iterdir()) == ["x"]


def test_a_file_that_is_replaced_while_it_is_copied_is_kept_as_it_was(keep, monkeypatch):
    folder, kept = Path("runs/x"), Path("bucket/runs/x")
    write(folder / "first", "1", at=10)
    write(folder / "second", "1", at=20)
    copy = shutil.copyfile

    def copy_late(source, target):
        write(folder / "second", "2", at=30)
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", copy_late)
    keeper = keep.Keeper(folder, kept, {}, lease_of("this one"))
    keeper.keep()
    assert texts(kept) == {"first": "1", "second": "1"}
    keeper.keep()
    assert texts(kept)["second"] == "2"


def test_another_machine_goes_on_with_what_was_kept(keep):
    write(Path("bucket/runs/x/made"), "1", at=20)
    write(Path("bucket/runs/x/settings/of"), "1", at=10)
    inside = "cat runs/x/made && echo 2 > runs/x/more && rm runs/x/settings/of && exit 3"
    assert keep.main("bucket", "runs/x", "bash", "-c", inside) == 3
    assert texts(Path("bucket/runs/x")) == {"made": "1", "more": "2\n"}
    assert Path("runs/x/made").stat().st_mtime == 20  # Make goes by times
    # What is there already is newer than what is kept.
    write(Path("runs/x/made"), "newer", at=30)
    assert keep.main("bucket", "runs/x", "true") == 0
    assert texts(Path("bucket/runs/x"))["made"] == "newer"


def test_what_a_command_writes_after_a_signal_is_kept(keep):
    inside = "trap 'echo kept > runs/x/late; exit 143' TERM; mkdir -p runs/x; kill -TERM $PPID"
    assert keep.main("bucket", "runs/x", "bash", "-c", f"{inside}; sleep 9 & wait") == TERMINATED
    assert texts(Path("bucket/runs/x")) == {"late": "kept\n"}


@pytest.mark.parametrize(("name", "status"), [("HUP", 129), ("TERM", 143)])
def test_a_signal_reaches_the_command_unless_nohup_shields_it(tmp_path, name, status):
    fast = {**os.environ, "KEEP_SECONDS": "0.1"}

    def ended(*before: str, waits: float) -> int:
        inside = f"trap 'exit {status}' {name}; kill -{name} $PPID; sleep {waits} & wait; exit 7"
        words = [sys.executable, str(CLOUD / "keep.py"), "bucket", "runs/x", "bash", "-c", inside]
        return subprocess.run([*before, *words], cwd=tmp_path, env=fast, check=False).returncode

    assert ended(waits=20) == status
    assert ended("bash", "-c", f'trap "" {name}; exec "$@"', "bash", waits=0.5) == 7


def test_a_command_that_nobody_keeps_any_more_is_ended(tmp_path):
    inside = "trap 'touch ended; exit' TERM; touch begun; sleep 60 & wait"
    words = [sys.executable, str(CLOUD / "keep.py"), "bucket", "runs/x", "bash", "-c", inside]
    killed = subprocess.Popen(words, cwd=tmp_path, env={**os.environ, "KEEP_SECONDS": "0.1"})
    until = time.monotonic() + SECONDS
    while not (tmp_path / "begun").is_file() and time.monotonic() < until:
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    while not (tmp_path / "ended").is_file() and time.monotonic() < until:
        time.sleep(0.02)
    assert (tmp_path / "ended").is_file()


def test_a_command_is_begun_as_a_shell_begins_it(keep, capfd):
    broken_pipe = "yes | head -1; exit ${PIPESTATUS[0]}"
    assert keep.main("bucket", "runs/x", "bash", "-c", broken_pipe) == 128 + signal.SIGPIPE
    assert keep.main("bucket", "runs/x", "of-nobody") == 127
    assert "keep: of-nobody cannot be begun: No such file" in capfd.readouterr().err


def test_a_result_that_cannot_be_kept_is_a_failure(keep, capsys):
    inside = "mkdir -p bucket/runs; date > bucket/runs/x; mkdir -p runs/x; date > runs/x/a"
    assert keep.main("bucket", "runs/x", "bash", "-c", inside) == 1
    assert "tried 0 times more" in capsys.readouterr().err


def test_a_bucket_that_is_not_there_begins_nothing(keep, capsys):
    Path("bucket").write_text("no folder")
    assert keep.main("bucket", "runs/x", "touch", "begun") == 2
    assert "Nothing was begun" in capsys.readouterr().err
    assert not Path("begun").exists()


def test_a_fetch_that_breaks_off_leaves_nothing_that_looks_like_a_run(keep, monkeypatch):
    write(Path("bucket/runs/x/a"), "1", at=10)
    write(Path("bucket/runs/x/b"), "1", at=20)
    copy, broken = shutil.copyfile, ["b"]

    def copy_one(source, target):
        if Path(source).name in broken:
            raise OSError(5, "the bucket is away")
        copy(source, target)

    monkeypatch.setattr(shutil, "copyfile", copy_one)
    assert keep.main("bucket", "runs/x", "false") == 2
    assert not Path("runs/x").exists()
    broken.clear()
    assert keep.main("bucket", "runs/x", "true") == 0
    assert texts(Path("runs/x")) == {"a": "1", "b": "1"}


def test_a_second_machine_hears_who_has_the_run_and_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # Long enough for a thread that holds it to be heard on a busy machine.
    first, second = (lease_of(machine, seconds=0.4) for machine in ("first", "second"))
    assert first.take()
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(0.02):
            first.hold()

    living = threading.Thread(target=live)
    living.start()
    try:
        assert not second.take()
    finally:
        ended.set()
        living.join()
    said = capsys.readouterr().err
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    assert f"{holder} works on bucket/runs/x since 20" in said
    assert "end the command there" in said and "take another RUN=" in said
    assert said.endswith(f"{holder} still works on it.\n")
    first.hold()  # it has lost nothing
    first.leave()
    begun = time.monotonic()
    assert second.take()
    assert time.monotonic() - begun < RENEWALS * second.seconds  # not after its silence


def test_a_machine_that_is_silent_is_followed_and_stops_when_it_comes_back(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    first, second = lease_of("first"), lease_of("second")
    assert first.take() and second.take()
    assert "goes on when it was silent for 0.5 s" in capsys.readouterr().err
    for write in (first.hold, first.leave):
        with pytest.raises(Taken, match="has bucket/runs/x since 20"):
            write()
    second.hold()


def test_of_two_that_begin_at_once_the_later_writer_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    real, others = time.sleep, ["the other"]

    def sleep(seconds: float) -> None:
        if others:
            note_of(others.pop())
        real(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    this = lease_of("this one")
    assert this.take()  # after the silence of the other
    assert "process 7 on the other works on" in capsys.readouterr().err


def test_a_machine_that_lost_the_run_in_the_middle_of_a_copy_writes_no_more(keep, monkeypatch):
    folder, kept = Path("runs/x"), Path("bucket/runs/x")
    for number, name in enumerate("abc"):
        write(folder / name, "1", at=number)
    copy = shutil.copyfile

    def copy_slowly(source, target):
        copy(source, target)
        note_of("another")
        time.sleep(0.03)

    monkeypatch.setattr(shutil, "copyfile", copy_slowly)
    with pytest.raises(Taken, match="process 7 on another has bucket/runs/x since this morning"):
        keep.Keeper(folder, kept, {}, lease_of("this one")).keep()
    assert texts(kept) == {"a": "1"}


def test_a_command_whose_run_was_taken_is_ended_and_its_last_work_stays_here(keep, capsys):
    write(Path("other-note"), json.dumps(asdict(note_of("another"))), at=1)
    note_of("before", left=True)
    inside = (
        "trap 'echo 2 > runs/x/a; exit 143' TERM; mkdir -p runs/x; echo 1 > runs/x/a\n"
        "until [ -s bucket/runs/x/a ]; do sleep 0.05; done\n"  # kept
        # Again and again: what is written while the note is renewed is written over.
        "for _ in $(seq 200); do cp other-note bucket/runs/.x.lease; sleep 0.1; done"
    )
    assert keep.main("bucket", "runs/x", "bash", "-c", inside) == 1
    assert texts(Path("bucket/runs/x")) == {"a": "1\n"}
    assert texts(Path("runs/x")) == {"a": "2\n"}
    assert "process 7 on another has" in (said := capsys.readouterr().err)
    assert "what it made since is in runs/x here" in said
    # What the other one wrote since is not overwritten with what is older.
    note_of("another", left=True)
    assert keep.main("bucket", "runs/x", "true") == 2
    assert "Move runs/x away" in capsys.readouterr().err
    assert texts(Path("bucket/runs/x")) == {"a": "1\n"}
    Path("runs/x").rename("runs/aside")
    assert keep.main("bucket", "runs/x", "true") == 0
    assert texts(Path("runs/x")) == {"a": "1\n"}


def test_the_folder_of_a_machine_is_the_same_owner_each_time_and_a_copy_is_another(tmp_path, keep):
    with owner_of(Path("runs/x")) as first:
        with pytest.raises(BlockingIOError), owner_of(Path("runs/x")):
            pass
        assert keep.main("bucket", "runs/x", "true") == 2  # a second one beside it
    with owner_of(Path("runs/x")) as again:
        assert again == first
    shutil.copytree("runs", "elsewhere/runs")
    with owner_of(Path("elsewhere/runs/x")) as copied:
        assert copied != first


@pytest.mark.parametrize("run", ["/bucket/runs/x", "../x"])
def test_a_run_that_lies_elsewhere_is_refused(keep, run, capsys):
    assert keep.main("bucket", run, "true") == 2
    assert "must be a folder below this one" in capsys.readouterr().err


def test_the_command_of_plain_ssh_lets_the_connection_go(machine):
    """What keeps the output of ssh open keeps ssh."""
    page = (CLOUD.parent / "docs" / "cloud.md").read_text()
    (given,) = (line for line in page.splitlines() if line.startswith("ssh gpu 'cd mammo"))
    command(
        machine / "bin" / "make",
        'until [ -e "$HOME/go" ]; do sleep 0.1; done\necho done >> "$HOME/said"\n',
    )
    (machine / "mammo").mkdir()
    words = given.removeprefix("ssh gpu ").strip("'")
    environment = {"PATH": f"{machine / 'bin'}:/usr/bin:/bin", "HOME": str(machine)}
    try:
        subprocess.run(
            ["bash", "-c", words],
            cwd=machine,
            env=environment,
            capture_output=True,
            check=True,
            timeout=SECONDS,
        )
    finally:
        (machine / "go").touch()
    wait_for(machine, "done")
    assert said(machine)[0].startswith("make train heatmap evaluate RUN=runs/cbis")
