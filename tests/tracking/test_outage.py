"""Whatever breaks on the way to MLflow, a stage that succeeded stays so and the user hears why."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.tracking.follow import follow
from pipeline.tracking.outage import what_helps

SCRIPT = Path(__file__).parents[2] / "scripts" / "track.py"


def a_run(root: Path) -> RunFolder:
    run = RunFolder(root / "runs" / "mine")
    run.root.mkdir(parents=True)
    log = EventLog(run, "ingest")
    log.start(settings={}, commit="", dirty=False)
    table = run.root / "table.csv"
    table.write_text("a\n1\n")
    log.artifact(table)
    log.finish(status="finished", seconds=1.0, peak_mib=1.0)
    return run


def track(root: Path) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, str(SCRIPT), "--run", "runs/mine"]
    return subprocess.run(
        command, cwd=root, env=environment, check=False, capture_output=True, text=True
    )


def test_a_place_that_takes_no_files_fails_nothing_and_is_gone_on_from(tmp_path, monkeypatch):
    from pipeline.tracking.upload import upload

    a_run(tmp_path)
    mlflow = tmp_path / "runs" / "mlflow"
    mlflow.mkdir()
    (mlflow / "artifacts").write_text("a file in the way")
    done = track(tmp_path)
    assert done.returncode == 0
    assert "artifacts" in done.stderr
    assert "make track RUN=runs/mine" in done.stderr
    assert "Traceback" not in done.stderr
    (mlflow / "artifacts").unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    upload(RunFolder(Path("runs/mine")))
    with sqlite3.connect(mlflow / "mlflow.db") as db:
        runs = db.execute("SELECT name, status FROM runs").fetchall()
        assert sorted(runs) == [("mine", "FINISHED"), ("mine/ingest", "FINISHED")]
        db.execute("UPDATE alembic_version SET version_num = 'abc'")
    EventLog(RunFolder(tmp_path / "runs" / "mine"), "ingest").metrics({"late": 1.0})
    done = track(tmp_path)
    assert done.returncode == 0
    assert "another version of MLflow" in done.stderr
    assert "mlflow db upgrade sqlite:////" in done.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device", "runs/x/tracking.json"), "tracking.json: No space"),
        (RuntimeError("(sqlite3.DatabaseError) file is not a database"), "is damaged"),
        (RuntimeError(), r"\(RuntimeError\)"),
        (RuntimeError("503\nand more"), r"\(503\)"),
        (RuntimeError("failed with error code 401 != 200."), "set MLFLOW_TRACKING_USERNAME"),
        (RuntimeError("failed with error code 403 != 200."), "Its admin can give it to you"),
        (
            RuntimeError("url: /api/2.0/mlflow-artifacts/x (too many 500 error responses)"),
            "takes no files now",
        ),
        (ModuleNotFoundError("No module named 'psycopg2'"), "Name the MLflow server before it"),
    ],
)
def test_every_error_is_told_in_one_sentence_with_what_to_do(error, words):
    with pytest.raises(ValueError, match=words) as told:
        raise ValueError(what_helps(error, Path("runs/x")))
    assert "make track RUN=runs/x" in str(told.value)


def test_no_sentence_tells_the_password_of_the_server(monkeypatch):
    address = "https://ann:pass%40word@mlflow.example.org"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    texts = (f"API request to {address}/api failed", "out-of-date database schema", "")
    for text in (*texts, "error code 401"):
        said = what_helps(RuntimeError(text), Path("runs/x"))
        assert "pass%40word" not in said and "ann" not in said
    assert "https://mlflow.example.org" in what_helps(RuntimeError(address), Path("runs/x"))


def test_uploads_go_on_until_the_process_is_gone_and_once_more():
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    told, waits = [], iter([None, None, None, None, process])

    def wait(seconds: float) -> None:
        if ended := next(waits):
            ended.communicate()

    follow(told.append, process=process.pid, seconds=2, wait=wait)
    assert told == [True, True, False]


def test_uploads_go_on_after_the_process_as_long_as_more_may_come():
    told, waits, answers = [], [], iter([True, True, False])

    def bring(running: bool) -> bool:
        told.append(running)
        return next(answers)

    follow(bring, process=2**30, seconds=20, wait=waits.append)  # there is no such process
    assert (told, waits) == ([False, False, False], [20, 20])


def test_following_ends_with_a_process_that_nobody_asks_after():
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    told: list[bool] = []
    waits = iter(range(3))

    def wait(seconds: float) -> None:
        if next(waits) == 1:
            process.stdin.close()
            # Dead, it stays in /proc until its end is read.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    follow(told.append, process=process.pid, seconds=200, wait=wait)
    assert (told, next(waits)) == ([False], 2)
    process.wait()


def _ignores(process: int, number: int) -> bool:
    text = Path(f"/proc/{process}/status").read_text()
    return bool(int(text.split("SigIgn:")[1].split()[0], 16) & (1 << number - 1))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_ends_a_stage_does_not_end_its_follower_before_it(tmp_path, number):
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stage:
        words = [sys.executable, str(SCRIPT), "--run", str(tmp_path), "--follow", str(stage.pid)]
        follower = subprocess.Popen(words)
        while not _ignores(follower.pid, signal.SIGINT):  # it has begun to follow
            assert follower.poll() is None
            time.sleep(0.05)
        follower.send_signal(number)
        time.sleep(0.2)
        assert follower.poll() is None
    assert follower.wait(120) == 0


def test_a_folder_of_files_which_mlflow_takes_no_more_is_named_with_what_helps(
    tmp_path, monkeypatch
):
    import mlflow

    from pipeline.tracking.upload import upload

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path / 'mlruns'}")
    with pytest.raises(mlflow.exceptions.MlflowException) as outage:
        upload(a_run(tmp_path))
    told = what_helps(outage.value, tmp_path)
    assert told.startswith(f"MLFLOW_TRACKING_URI=file://{tmp_path}")
    assert "name a database: MLFLOW_TRACKING_URI=sqlite:///another.db" in told
