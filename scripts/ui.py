"""Open MLflow on loopback and print its address once it answers.

Reads   the MLflow tracking store
Run     make ui PORT=5000
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import start
from pipeline.tracking.client import EXPERIMENT, artifact_root, quiet_environment, tracking_uri

START_SECONDS = 90


def ui(port: int = 5000) -> int:
    """Open MLflow on loopback and print its address once it answers."""
    if "MLFLOW_TRACKING_URI" in os.environ:
        print(f"MLflow is at MLFLOW_TRACKING_URI={os.environ['MLFLOW_TRACKING_URI']}.")
        return 0
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            print(f"Port {port} is taken. Choose another: make ui PORT={port + 1}", file=sys.stderr)
            return 2
    quiet_environment()
    # One worker without jobs: the default takes 2 GB of memory.
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    server = subprocess.Popen(
        [
            *(Path(sys.executable).with_name("mlflow"), "server", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", "1", "--backend-store-uri", tracking_uri()),
            *("--default-artifact-root", str(artifact_root())),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        if not _answers(server, f"http://127.0.0.1:{port}/health"):
            print("MLflow did not start; its messages are above.", file=sys.stderr)
            return 1
        print(f"MLflow: {_page(f'http://127.0.0.1:{port}')} (Ctrl-C ends it)", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def _page(server: str) -> str:
    """Address of the table of runs, in the mode for training that is not the default."""
    query = urllib.parse.urlencode({"experiment_name": EXPERIMENT})
    lookup = f"{server}/api/2.0/mlflow/experiments/get-by-name?{query}"
    try:
        with urllib.request.urlopen(lookup, timeout=20) as answer:
            experiment = json.load(answer)["experiment"]["experiment_id"]
    except urllib.error.HTTPError:  # no run has been logged yet
        return f"{server}/#/experiments?workflowType=machine_learning"
    return f"{server}/#/experiments/{experiment}/runs?workflowType=machine_learning"


def _answers(server: subprocess.Popen, address: str) -> bool:
    for _ in range(START_SECONDS * 2):
        if server.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(address, timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    return False


if __name__ == "__main__":
    start.command_line(ui)
