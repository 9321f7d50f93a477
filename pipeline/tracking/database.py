"""The project's own database of MLflow is made whole, or not at all.

MLflow makes its tables one after the other. A process that ends in between, or two that begin at
once, leave a database that never takes a result again. So the tables are made in a file of another
name, by one process at a time. A database that cannot be used is moved aside, and what it held of
a run is sent again from the run folder.
"""

import fcntl
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.run.atomic import free_place, write_atomic
from pipeline.tracking.client import DATABASE, is_local, sqlite_uri


def prepare_database(make: Callable[[Path], object] | None = None) -> None:
    """Make the local database where there is none that can be used.

    Args:
        make: fills a file with MLflow's tables; by default MLflow itself.
    """
    if not is_local() or _problem() == "":
        return
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    with (DATABASE.parent / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        problem = _problem()
        if problem == "":  # another process has made it meanwhile
            return
        if problem:
            place = DATABASE.rename(free_place(DATABASE.with_name(f"{DATABASE.name}.unusable")))
            print(f"track: {DATABASE} {problem}: moved to {place.name}.", file=sys.stderr)
        write_atomic(DATABASE, make or _make_tables)


def _problem() -> str | None:
    """Why the database cannot be used; empty where it can, None where there is none."""
    if not DATABASE.is_file() or not DATABASE.stat().st_size:
        return None
    connection = sqlite3.connect(f"{DATABASE.resolve().as_uri()}?mode=ro", uri=True)
    try:
        # MLflow writes the version of its tables last.
        known = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return "" if known else "was left half made"
    except sqlite3.OperationalError as error:
        return "was left half made" if "no such table" in str(error) else ""  # e.g. busy
    except sqlite3.DatabaseError as error:
        return f"is damaged ({error})"
    finally:
        connection.close()


def _make_tables(path: Path) -> None:
    from mlflow.tracking import MlflowClient  # seconds

    MlflowClient(sqlite_uri(path)).search_experiments(max_results=1)
