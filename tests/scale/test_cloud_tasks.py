"""SkyPilot reads the task files of cloud/, and their commands are those of the Makefile."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from pipeline.run.settings import build_settings, parse_set
from tests.scale.cluster import ROOT

pytestmark = pytest.mark.scale
PYTHON = Path(os.environ.get("SKYPILOT_PYTHON", ROOT / ".venv-cloud" / "bin" / "python"))
TASKS = sorted((ROOT / "cloud").glob("*.yaml"))
WRONG = ("  use_spot: true", "  use_spott: true")


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """What SkyPilot makes of each file, and of each with a misspelt field."""
    folder = tmp_path_factory.mktemp("sky")
    wrong = {path: folder / path.name for path in TASKS}
    for path, copy in wrong.items():
        text = path.read_text()
        assert text.count(WRONG[0]) == 1
        copy.write_text(text.replace(*WRONG))
    reader = Path(__file__).with_name("skypilot_tasks.py")
    said = subprocess.run(
        [PYTHON, reader, *TASKS, *wrong.values()],
        env={"HOME": str(folder), "PATH": os.environ["PATH"]},
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    found = json.loads(said[said.index("{") :])
    return {path: (found[str(path)], found[str(wrong[path])]) for path in TASKS}


@pytest.mark.parametrize("path", TASKS, ids=[path.stem for path in TASKS])
def test_skypilot_reads_a_task_and_refuses_a_misspelt_field(read, path):
    task, misspelt = read[path]
    assert "refused" not in task, task
    assert "use_spott" in misspelt["refused"]
    assert task["spot"]
    for recovery in task["recovery"]:
        # 128 + SIGINT, SIGTERM: a machine that is shut down is no failure
        assert recovery["recover_on_exit_codes"] == [130, 143]
    assert task["mounts"]["/bucket"] == {
        "source": task["given"]["BUCKET"],
        "mode": "MOUNT",  # a file is there when it is closed
    }


@pytest.mark.parametrize("path", TASKS, ids=[path.stem for path in TASKS])
def test_the_command_of_a_task_is_one_of_the_makefile(read, path, tmp_path):
    task, _ = read[path]
    assert task["setup"] == "bash cloud/set_up.sh"
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$*"; echo "$SET"\n')
    python.chmod(0o755)
    environment = {**os.environ, **task["envs"], "RUN": "runs/x"}
    words = ["bash", "-euc", task["run"]]
    said = subprocess.run(words, env=environment, cwd=tmp_path, check=True, stdout=subprocess.PIPE)
    called, given = said.stdout.decode().splitlines()
    keep, goals = called.split(" make ")
    assert keep == "cloud/keep.py /bucket runs/x"
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{goal}: ", makefile, re.M) for goal in goals.split())
    assert f"store.root={task['given']['BUCKET']}/store" in given.split()
    settings = build_settings(ROOT / "configs" / "default.yaml", parse_set(given))
    assert str(settings.store.root).startswith("s3:")
    header = re.findall(r"--env (\w+)=", path.read_text())
    assert set(task["given"]) <= set(header) <= set(task["envs"])
