"""Where every script starts: the project on the path, quiet libraries, one way to run a stage."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Before the libraries are imported: no calls home, no start-up chatter.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def stage(name: str, run_stage: Callable) -> None:
    """Parse --run, run the stage, print its summary line."""
    from pipeline.run.stage import open_stage

    parser = argparse.ArgumentParser(description=f"The {name} stage; see make help.")
    parser.add_argument("--run", type=Path, required=True, help="the run folder")
    with open_stage(name, parser.parse_args().run) as opened:
        print(f"{name}: {run_stage(opened)}", flush=True)
