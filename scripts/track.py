"""Bring what the stages logged into MLflow.

Reads   RUN/events.jsonl and the files it names
Writes  the MLflow tracking store, RUN/tracking.json
Run     every stage does it; make track RUN=... does it again after an outage
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import start  # noqa: F401
from pipeline.run.layout import RunFolder
from pipeline.tracking.client import quiet_environment


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--follow", type=int, metavar="PID", help="go on until this process ends")
    parser.add_argument("--seconds", type=float, default=20, help="time between two uploads")
    given = parser.parse_args()
    quiet_environment()
    import requests
    from mlflow.exceptions import MlflowException

    from pipeline.tracking.upload import follow, upload

    run = RunFolder(given.run)
    try:
        if given.follow:
            # Ctrl-C is for the training; this process ends when the training has.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            follow(run, process=given.follow, seconds=given.seconds, wait=time.sleep)
        else:
            upload(run)
    except (MlflowException, requests.RequestException) as error:
        first = str(error).splitlines()[0]
        print(
            f"track: MLflow does not take the results now ({first}). Nothing is lost: they are in "
            f"{run.root}; make track RUN={run.root} sends them later.",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
