"""Two processes that train one network: as one does, also where one of them is killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.train.loop.checkpoint import checkpoint_path
from tests.train.toy_run import toy_settings, write_toy_run

pytestmark = pytest.mark.scale

ROOT = Path(__file__).parents[2]
SETTINGS = {"epochs": 2, "steps_per_epoch": 60, "checkpoint_seconds": 1, "deterministic": True}


def prepared(folder, **train) -> RunFolder:
    run = write_toy_run(folder / "run")
    remember(run, toy_settings(**SETTINGS, **train), Remembered())
    return run


def started(run, config=None) -> subprocess.Popen:
    """`make train`'s command, as a process of a cluster where there is one."""
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="2")
    environment |= {"TF_CONFIG": json.dumps(config)} if config else {}
    return subprocess.Popen(
        [sys.executable, "scripts/stage.py", "train", "--run", run.root],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def two_started(run) -> list[subprocess.Popen]:
    with socket.socket() as first, socket.socket() as second:  # both at a time: two ports
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
        ports = [each.getsockname()[1] for each in (first, second)]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    return [
        started(run, {"cluster": cluster, "task": {"type": "worker", "index": index}})
        for index in range(2)
    ]


def ended(processes, *, seconds=1200) -> list[str]:
    """What they printed; none outlives the test."""
    try:
        return [process.communicate(timeout=seconds)[0] for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def result(run) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    history = pd.read_csv(run.model / "history.csv").drop(columns="seconds")
    return history, load_file(run.model / "model.safetensors")


def test_two_processes_train_as_one_also_where_one_was_killed(tmp_path):
    alone = prepared(tmp_path / "alone")
    (said,) = ended([started(alone)])
    assert (alone.model / "history.csv").is_file(), said

    run = prepared(tmp_path / "two", devices="workers")
    chief, helper = two_started(run)
    until = time.monotonic() + 1200
    while not checkpoint_path(run).is_file():
        work = chief.poll() is None and helper.poll() is None and time.monotonic() < until
        assert work, ended([chief, helper], seconds=60)
        time.sleep(0.01)
    os.killpg(helper.pid, signal.SIGKILL)
    said, _ = ended([chief, helper])
    assert chief.returncode == 2, said
    assert "Another process of this training is gone" in said
    assert not run.model.exists()

    chief, helper = two_started(run)
    said, helped = ended([chief, helper])
    assert (chief.returncode, helper.returncode) == (0, 0), said + helped
    assert "Continuing the unfinished training at step" in said
    assert "epoch 2/2" in said
    assert "epoch" not in helped
    assert "the chief is done" in helped
    # The chief alone writes: a start of each attempt, an epoch once.
    events = read_events(run.events)
    assert sum(event["event"] == "start" for event in events) == 2
    epochs = [e["step"] for e in events if "val/auc" in e.get("values", ())]
    assert epochs == sorted(set(epochs))

    (history, weights), (expected, expected_weights) = result(run), result(alone)
    pd.testing.assert_frame_equal(history, expected, rtol=1e-6, atol=1e-6)
    for name, of in weights.items():
        np.testing.assert_allclose(of, expected_weights[name], rtol=0, atol=1e-6)
    card = json.loads(run.model_file.read_text())
    assert card["training"]["replicas"] == 2
