"""Open MLflow on loopback and print its address once it answers.

Reads   the MLflow tracking store
Writes  runs/mlflow/server.log, what the server says
Run     make ui PORT=5000
"""

import json
import os
import socket
import sqlite3
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Annotated

import typer

import start
from pipeline.tracking.client import (
    CLASSIC,
    DATABASE,
    LOCAL,
    VIEW,
    artifact_root,
    experiment_name,
    is_local,
    make_places_relative,
    quiet_environment,
    tracking_uri,
    without_password,
)
from pipeline.tracking.database import prepare_database
from pipeline.tracking.server import answers, held, wait_for


def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 5000) -> int:
    """Open MLflow on loopback and print its address once it answers."""
    parent = os.getppid()
    if not is_local():
        print(f"MLflow is at MLFLOW_TRACKING_URI={without_password(tracking_uri())}.")
        return 0
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            print(f"Port {port} is taken. Choose another: make ui PORT={port + 1}", file=sys.stderr)
            return 2
    quiet_environment()
    try:
        prepare_database()
        make_places_relative()
    except sqlite3.DatabaseError as error:
        print(
            f"{DATABASE}: {error}. Put a copy of it there, or move it away: then "
            "make track RUN=... sends all of a run again.",
            file=sys.stderr,
        )
        return 1
    # One worker without jobs: the default takes 2 GB of memory.
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    mlflow = str(Path(sys.executable).with_name("mlflow"))
    command = [
        *(mlflow, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        # A page of somebody else that a browser is led to this port by has another host.
        *("--allowed-hosts", "127.0.0.1:*,localhost:*"),
        *("--backend-store-uri", tracking_uri(), "--default-artifact-root", str(artifact_root())),
    ]
    try:
        with held(command, log=LOCAL / "server.log") as server:
            if not answers(server, f"http://127.0.0.1:{port}/health"):
                said = (LOCAL / "server.log").read_text(encoding="utf-8", errors="replace")
                print(f"{said}MLflow did not start; its messages are above.", file=sys.stderr)
                return 1
            print(f"MLflow: {_page(f'http://127.0.0.1:{port}')} (Ctrl-C ends it)", flush=True)
            return wait_for(server, parent=parent)
    except KeyboardInterrupt:
        return 0


def _page(server: str) -> str:
    """Address of the table of runs with their figures, in the mode for training."""
    query = urllib.parse.urlencode({"experiment_name": experiment_name()})
    lookup = f"{server}/api/2.0/mlflow/experiments/get-by-name?{query}"
    try:
        with urllib.request.urlopen(lookup, timeout=20) as answer:
            experiment = json.load(answer)["experiment"]
    except (OSError, ValueError, KeyError):  # no run has been logged yet, or no answer in time
        return f"{server}/#/experiments{CLASSIC}"
    table = f"{server}/#/experiments/{experiment['experiment_id']}/runs{CLASSIC}"
    has_view = any(tag["key"].endswith(f".{VIEW}") for tag in experiment.get("tags", ()))
    return f"{table}&viewStateShareKey={VIEW}" if has_view else table


if __name__ == "__main__":
    start.command_line(ui)
