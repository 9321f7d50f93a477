"""The scripts of cloud/, executed up to the command that they give on the machine of others."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

CLOUD = Path(__file__).parents[1] / "cloud"
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


@pytest.mark.parametrize("script", sorted(path.name for path in CLOUD.glob("*.sh")))
def test_scripts_are_bash_and_can_be_executed(script):
    subprocess.run(["bash", "-n", CLOUD / script], check=True)
    assert os.access(CLOUD / script, os.X_OK)


def slurm(machine, *goals):
    return begun(machine, "slurm.sh", *goals, SLURM_SUBMIT_DIR=str(machine), SLURM_JOB_ID="77")


def test_a_slurm_job_makes_the_run_on_the_node(machine):
    job = slurm(machine)
    assert job.wait(20) == 0
    goals = "make train heatmap evaluate RUN=runs/x"
    assert said(machine) == [f"srun {goals}", goals]
    assert slurm(machine, "evaluate").wait(20) == 0
    assert said(machine)[-1] == "make evaluate RUN=runs/x"


def test_a_slurm_job_that_fails_is_not_queued_again(machine):
    command(machine / "bin" / "make", "exit 2\n")
    assert slurm(machine).wait(20) == 2
    assert not any(line.startswith("scontrol") for line in said(machine))


def started_make(machine) -> subprocess.Popen:
    """A job whose make ends when it is told to, a moment later, as a training does."""
    command(
        machine / "bin" / "make",
        'trap "sleep 0.2; echo kept >> $HOME/said; exit 143" TERM\necho on >> "$HOME/said"\n'
        "while :; do sleep 0.05; done\n",
    )
    job = slurm(machine)
    until = time.monotonic() + 20
    while not (machine / "said").is_file() or "on" not in said(machine):
        assert time.monotonic() < until and job.poll() is None
        time.sleep(0.05)
    return job


def test_a_slurm_job_out_of_time_keeps_its_checkpoint_and_is_queued_again(machine):
    job = started_make(machine)
    job.send_signal(signal.SIGUSR1)  # --signal=B:USR1@120
    assert job.wait(20) == 0
    assert said(machine)[-2:] == ["kept", "scontrol requeue 77 RUN=runs/x"]


def test_a_cancelled_slurm_job_is_not_queued_again(machine):
    job = started_make(machine)
    (step,) = Path(f"/proc/{job.pid}/task/{job.pid}/children").read_text().split()
    os.kill(int(step), signal.SIGTERM)
    assert job.wait(20) == TERMINATED
    assert said(machine)[-1] == "kept"


def test_the_options_of_slurm_ask_for_a_gpu_and_to_be_queued_again():
    lines = (CLOUD / "slurm.sh").read_text().splitlines()
    options = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH --")]
    assert {"gres=gpu:1", "requeue", "open-mode=append", "signal=B:USR1@120"} <= set(options)
    first = next(n for n, line in enumerate(lines) if line and not line.startswith("#"))
    assert not any(line.startswith("#SBATCH") for line in lines[first:])  # sbatch stops there


def test_a_rented_machine_finds_the_run_and_the_store_in_the_bucket(machine):
    bucket = machine / "bucket"
    for name in ("runs/lent", "runs/mlflow"):
        (bucket / name).mkdir(parents=True)
    for _ in range(2):  # again after a pre-emption
        job = begun(machine, "set_up.sh", str(bucket))
        assert job.wait(20) == 0
    assert said(machine)[-1] == "make setup RUN=runs/x"
    (machine / "runs" / "x" / "file").write_text("kept")
    assert (bucket / "runs" / "x" / "file").read_text() == "kept"
    assert (machine / "data" / "store").resolve() == bucket / "store"
    assert (machine / "runs" / "lent").resolve() == bucket / "runs" / "lent"
    assert not (machine / "runs" / "mlflow").exists()  # no database on a bucket


def test_a_rented_machine_gets_a_newer_python_where_its_own_is_too_old(machine):
    command(machine / "bin" / "make", 'echo "$PATH" >> "$HOME/said"\n')
    assert begun(machine, "set_up.sh", str(machine / "bucket"), TOO_OLD="1").wait(20) == 0
    assert said(machine)[-1].startswith(f"{machine}/newer:")


@pytest.mark.parametrize("run", ["elsewhere/x", "runs/a/b", "/bucket/runs/x", "runs/"])
def test_a_run_that_would_be_lost_with_the_machine_is_refused(machine, run):
    job = begun(machine, "set_up.sh", str(machine / "bucket"), RUN=run)
    assert job.wait(20) == 2
    assert "must be runs/NAME" in (machine / "printed").read_text()
    assert not (machine / "said").exists()
