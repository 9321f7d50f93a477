"""What to say when the results cannot be brought into MLflow now, and what helps."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

from pipeline.run.errors import UserError
from pipeline.tracking.client import experiment_name, tracking_uri, without_password


def attempted(send: Callable[[], object], run: Path) -> str:
    """Send results; returns what helps where they cannot be sent now, "" where they were.

    None of its errors may fail a stage that succeeded.

    Args:
        run: the run folder.
    """
    try:
        send()
    except Exception as error:  # noqa: BLE001 - every store of files has its own
        return what_helps(error, run)
    return ""


def what_helps(error: Exception, run: Path) -> str:
    """A sentence for the user: what broke, and what to do; without the password of a server.

    Args:
        error: what an upload ended in.
        run: the run folder.
    """
    return without_password(str(error) if isinstance(error, UserError) else _sentence(error, run))


def _sentence(error: Exception, run: Path) -> str:
    text = _text(error)
    again = f"make track RUN={shlex.quote(str(run))}"
    later = f"Nothing is lost: the results are in {run}; {again} sends them later."
    if "out-of-date database schema" in text:
        uri = shlex.quote(tracking_uri())
        return (
            f"The database of MLflow, {uri}, was written by another version of MLflow. Copy it, "
            f"then: .venv/bin/mlflow db upgrade {uri}. Where that does not know the revision, a "
            "newer MLflow wrote it: use that one, or name another place: "
            f"MLFLOW_TRACKING_URI=sqlite:///another.db. {later}"
        )
    if "filesystem tracking backend" in text:
        return (
            f"MLFLOW_TRACKING_URI={tracking_uri()} names a folder of files, in which MLflow keeps "
            "no runs any more. Leave it out, or name a database: "
            f"MLFLOW_TRACKING_URI=sqlite:///another.db. {later}"
        )
    if "file is not a database" in text or "disk image is malformed" in text:
        return (
            f"The database of MLflow, {tracking_uri()}, is damaged ({text}). Put a copy of it "
            f"there, or move it away: then all of a run is sent again. {later}"
        )
    status = _http_status(text)
    if status == 401:
        return (
            f"The MLflow server {tracking_uri()} does not know who you are ({text}): set "
            f"MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. {later}"
        )
    if status == 403:
        return (
            f"The MLflow server {tracking_uri()} wants a right that you lack ({text}). Its admin "
            f"can give it to you: EDIT of the experiment {experiment_name()}. Or name one of your "
            f"own: MLFLOW_EXPERIMENT_NAME=another. {later}"
        )
    if "mlflow-artifacts/" in text and status >= 500:
        return (
            f"The MLflow server {tracking_uri()} answers and takes no files now: the log of the "
            "server says what is wrong with its store of files (--artifacts-destination; of a "
            f"bucket its name, AWS_ENDPOINT_URL and the keys). ({text}) {later}"
        )
    if isinstance(error, ModuleNotFoundError) and not tracking_uri().startswith("http"):
        return (
            f"MLFLOW_TRACKING_URI={tracking_uri()} names a database, and there is {text}. Name the "
            "MLflow server before it: MLFLOW_TRACKING_URI=https://... (docs/container.md has one). "
            f"{later}"
        )
    if isinstance(error, OSError) and error.filename:
        return f"MLflow does not take the results now: {text}. Mend that first. {later}"
    return f"MLflow does not take the results now ({text}). {later}"


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _http_status(text: str) -> int:
    """The status that a server answered with; 0 where none is told."""
    said = r"error code (\d+)|\b(\d+) (?:Client|Server) Error|too many (\d+) error"
    found = re.search(said, text)
    return int(next(filter(None, found.groups()))) if found else 0
