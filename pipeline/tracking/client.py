"""Where MLflow keeps its data: sqlite under runs/mlflow, or where the usual variables say."""

import fcntl
import os
import re
import secrets
import sqlite3
from pathlib import Path
from urllib.parse import unquote

EXPERIMENT = "mammography-patch-probability"
CLASSIC = "?workflowType=machine_learning"  # in an address: pages for trained models
VIEW = "results"  # of the table of runs, see saved_view.py
LOCAL = Path("runs/mlflow")
DATABASE = LOCAL / "mlflow.db"
# Columns in which MLflow's database says where files are.
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
)


def quiet_environment() -> None:
    """No telemetry, no proxy on the way to this machine itself, no unpickling, seconds of waiting.

    Call it before mlflow is imported; what the user set stays.
    """
    # A network's proxy cannot reach the loopback of this machine; libraries ask for either name.
    names = ("no_proxy", "NO_PROXY")
    given = [part for name in names for part in os.environ.get(name, "").split(",") if part]
    for name in names:
        os.environ[name] = ",".join(dict.fromkeys([*given, "localhost", "127.0.0.1", "::1"]))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    # It would print the address of each run, with the password if that is in the server's.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # Alembic reports every table that it makes in a new database.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")


def is_local() -> bool:
    """Whether the tracking store is the project's own, for MLFLOW_TRACKING_URI names no other."""
    return not os.environ.get("MLFLOW_TRACKING_URI")


def tracking_uri() -> str:
    """MLFLOW_TRACKING_URI, or the sqlite file under runs/mlflow, whose folder is made."""
    if not is_local():
        return os.environ["MLFLOW_TRACKING_URI"]
    LOCAL.mkdir(parents=True, exist_ok=True)
    return sqlite_uri(DATABASE)


def without_password(text: str) -> str:
    """A text whose addresses name neither user nor password, to be shown or kept."""
    return re.sub(r"(?<=://)[^/\s]*@", "", text)


def sqlite_uri(path: Path) -> str:
    """The address of a database in a file, in whose folders' names there may be % and ?."""
    return f"sqlite:///{str(path.resolve()).replace('%', '%25').replace('?', '%3F')}"


def experiment_name() -> str:
    """MLFLOW_EXPERIMENT_NAME, or the project's own experiment."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


def store_name() -> str:
    """The tracking store, by a name that stays where the project or a password is another."""
    if not is_local():
        return without_password(tracking_uri())
    return f"sqlite:///{DATABASE.as_posix()}#{_local_store_id()}"


def _local_store_id() -> str:
    """What tells the local store from that of another machine, or of one that was deleted."""
    LOCAL.mkdir(parents=True, exist_ok=True)
    with (LOCAL / "store-id").open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # several runs may begin at once
        file.seek(0)
        there = file.read()
        if not there:
            there = secrets.token_hex(8)
            file.write(there)
        return there


def same_store(kept: str, name: str) -> bool:
    """Whether a name kept earlier, once with path or password and no id, is that of the store."""
    ours = is_local() and kept.startswith("sqlite:")
    return without_password(kept) == name or (ours and kept.endswith(f"/{DATABASE.as_posix()}"))


def make_places_relative() -> None:
    """Let the files of the local store be found from the project's folder, wherever that is.

    MLflow makes every place absolute. Those below runs/mlflow/artifacts of this folder, or of one
    that is no longer there, are made relative to the project's folder, from which all of the
    project's commands run.
    """
    if not is_local() or not DATABASE.is_file():
        return
    connection = sqlite3.connect(DATABASE)
    try:
        for table, column in PLACES:
            known = "SELECT 1 FROM sqlite_master WHERE name = ?"
            if not connection.execute(known, (table,)).fetchone():
                continue
            for (old,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
                if new := _relative_place(old):
                    change = f"UPDATE {table} SET {column} = ? WHERE {column} = ?"
                    connection.execute(change, (new, old))
        connection.commit()
    finally:
        connection.close()


def _relative_place(place: str) -> str | None:
    """The place relative to the project, if it is, or was before a move, in the local store."""
    root = (LOCAL / "artifacts").as_posix()
    if not place.startswith(("file://", "/")):
        return None
    before, found, below = f"{unquote(place.removeprefix('file://'))}/".rpartition(f"/{root}/")
    project = Path(before or "/")
    ours = project.resolve() == Path.cwd().resolve() or not (project / root).is_dir()
    return f"{root}/{below}".rstrip("/") if found and ours else None


def artifact_root() -> str | None:
    """Folder for artifacts when the tracking store is local; a server has its own."""
    return (LOCAL / "artifacts").resolve().as_uri() if is_local() else None
