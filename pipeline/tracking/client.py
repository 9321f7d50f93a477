"""Where MLflow keeps its data: sqlite under runs/mlflow, or where the usual variable says."""

import os
from pathlib import Path

EXPERIMENT = "mammography-patch-probability"
LOCAL = Path("runs/mlflow")


def quiet_environment() -> None:
    """No telemetry, no proxy on the way to this machine itself, seconds and not minutes of waiting.

    Call it before mlflow is imported; what the user set stays.
    """
    # A network's proxy cannot reach the loopback of this machine; libraries ask for either name.
    names = ("no_proxy", "NO_PROXY")
    given = [part for name in names for part in os.environ.get(name, "").split(",") if part]
    for name in names:
        os.environ[name] = ",".join(dict.fromkeys([*given, "localhost", "127.0.0.1", "::1"]))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    # Alembic reports every table that it makes in a new database.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or the sqlite file under runs/mlflow, whose folder is made."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        return given
    LOCAL.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{(LOCAL / 'mlflow.db').resolve()}"


def artifact_root() -> str | None:
    """Folder for artifacts when the tracking store is local; a server has its own."""
    return None if "MLFLOW_TRACKING_URI" in os.environ else (LOCAL / "artifacts").resolve().as_uri()
