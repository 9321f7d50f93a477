"""A server that is held: found behind a proxy, slow to start, gone with its starter."""

import io
import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.run.code import ROOT
from pipeline.tracking.client import quiet_environment
from pipeline.tracking.server import answers, held

# A child of the server's process listens, as with MLflow, after a second.
SERVER = "sleep 1; {python} -m http.server {port} --bind 127.0.0.1 2>/dev/null & wait"
STARTER = """
import sys
from pathlib import Path
from pipeline.tracking.server import answers, held
with held(["bash", "-c", sys.argv[1]], log=Path(sys.argv[3])) as server:
    assert answers(server, sys.argv[2])
    print("up", flush=True)
    server.wait()
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def closes(port: int) -> bool:
    until = time.monotonic() + 120
    while is_open(port) and time.monotonic() < until:
        time.sleep(0.1)
    return not is_open(port)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGINT])
def test_a_server_does_not_outlive_its_starter_however_that_ends(port, how, tmp_path):
    words = (SERVER.format(python=sys.executable, port=port), f"http://127.0.0.1:{port}/")
    words += (str(tmp_path / "log"),)
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as starter:
        assert starter.stdout
        assert starter.stdout.readline() == b"up\n"
        starter.send_signal(how)
        starter.wait()
        # `kill` of it returns when the server is gone.
        assert how != signal.SIGTERM or not is_open(port)
    assert closes(port)


def test_who_ends_a_server_that_does_not_end_itself_waits_until_its_port_is_free(port, tmp_path):
    code = (
        "import sys\nfrom pipeline.tracking import server\nserver._END_SECONDS = 0.2\n"
        "sys.exit(server._guard(sys.argv[1:]))"
    )
    command = ["bash", "-c", "trap '' TERM; " + SERVER.format(python=sys.executable, port=port)]
    with subprocess.Popen(
        [sys.executable, "-c", code, *command], stdin=subprocess.PIPE, start_new_session=True
    ) as guard:
        assert answers(guard, f"http://127.0.0.1:{port}/")
    assert guard.returncode == signal.SIGKILL
    assert not is_open(port)


def test_a_server_is_found_where_a_proxy_is_set(port, monkeypatch, tmp_path):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "pacs.hospital")
    quiet_environment()
    assert os.environ["no_proxy"] == "pacs.hospital,localhost,127.0.0.1,::1"
    command = ["bash", "-c", SERVER.format(python=sys.executable, port=port)]
    with held(command, log=tmp_path / "log") as server:
        assert answers(server, f"http://127.0.0.1:{port}/")
    assert closes(port)


def test_a_server_that_ends_at_its_start_is_not_waited_for(port, tmp_path):
    command = ["bash", "-c", "echo no >&2; exit 1"]
    with held(command, log=tmp_path / "log") as server:
        assert not answers(server, f"http://127.0.0.1:{port}/")
    assert (tmp_path / "log").read_text() == "no\n"


def test_every_option_of_the_server_that_is_given_or_described_exists():
    from mlflow.cli import server

    known = {name for option in server.params for name in (*option.opts, *option.secondary_opts)}
    root = Path(__file__).parents[2]
    docs = (root / "docs" / "container.md").read_text(encoding="utf-8")
    recipe = re.search(r"mlflow server (.*?)\ncaddy", docs, re.DOTALL)[1]
    script = (root / "scripts" / "ui.py").read_text(encoding="utf-8")
    for text in (recipe, script[script.index("command = [") :]):
        given = set(re.findall(r"--[a-z][a-z-]+", text))
        assert len(given) > 4
        assert given <= known


def test_models_that_would_have_to_be_unpickled_are_not_loaded(monkeypatch):
    from mlflow.environment_variables import MLFLOW_ALLOW_PICKLE_DESERIALIZATION as ALLOWED

    monkeypatch.delenv(ALLOWED.name, raising=False)
    quiet_environment()
    assert ALLOWED.get() is False


@pytest.mark.parametrize("tags", [[], [{"key": "mlflow.sharedViewState.results", "value": ""}]])
def test_the_address_leads_to_the_table_of_runs_with_its_columns(monkeypatch, tags):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    ui = runpy.run_path(str(ROOT / "scripts" / "ui.py"))
    answer = json.dumps({"experiment": {"experiment_id": "7", "tags": tags}}).encode()
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO(answer))
    view = "&viewStateShareKey=results" if tags else ""
    assert ui["_page"]("s") == f"s/#/experiments/7/runs?workflowType=machine_learning{view}"
