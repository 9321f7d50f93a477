"""Serve a model on this machine: DICOM files in, regions out, by MLflow's scoring server.

Reads   the model of MODEL or RUN
Writes  nothing that stays
Run     make serve MODEL=runs/x PORT=5001; docs/serving.md
"""

import os
import shlex
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

import start
from pipeline.run.code import ROOT
from pipeline.run.errors import UserError
from pipeline.run.scratch import scratch_folder
from pipeline.tracking.client import quiet_environment
from pipeline.tracking.server import answers, held, wait_for

APP = "pipeline.tracking.scoring_app:app"
SECONDS = "600"  # for one request, in which many files may be


def serve(
    run: start.Run,
    model: Annotated[str, typer.Option(help="a run folder; RUN itself if absent")] = "",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5001,
) -> int:
    """Serve a model on loopback and print its address once it answers."""
    parent = os.getppid()
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise UserError(f"Port {port} is taken. Choose another: make serve PORT={port + 1}")
    print("serve: TensorFlow starts and loads the model, 20 seconds or more", flush=True)
    quiet_environment()
    os.environ.setdefault("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", SECONDS)
    os.environ.setdefault("UVICORN_LOG_LEVEL", "warning")
    from mlflow.pyfunc.scoring_server import get_cmd

    from pipeline.model.card import named_model
    from pipeline.tracking.pyfunc import save_model

    place = Path(model or run)
    folder = named_model(place)
    with scratch_folder() as scratch:
        packed, log = scratch / "model", scratch / "server.log"
        save_model(folder, packed)
        words, environment = get_cmd(str(packed), port=port, host="127.0.0.1")
        uvicorn, *options, _ = shlex.split(words)
        os.environ.update(environment)
        command = [sys.executable, "-m", uvicorn, *options, "--app-dir", str(ROOT), APP]
        try:
            with held(command, log=log) as server:
                address = f"http://127.0.0.1:{port}"
                if not answers(server, f"{address}/ping"):
                    said = log.read_text(encoding="utf-8", errors="replace")
                    print(f"{said}The server did not start; see above.", file=sys.stderr)
                    return 1
                print(
                    f"serve: {place} answers at {address}/invocations (Ctrl-C ends it)", flush=True
                )
                return wait_for(server, parent=parent)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    start.command_line(serve)
