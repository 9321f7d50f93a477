"""A PostgreSQL server, as of Debian's package, on a port of this machine in a folder of its own."""

import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scale.cluster import free_port

USER = "mlflow"  # and name of the database


@dataclass(frozen=True)
class Database:
    """Where it is, and who may in."""

    programs: Path
    port: int
    password: str

    def rows(self, query: str) -> list[list[str]]:
        """What a query answers, each value as text."""
        words = [self.programs / "psql", "--host=127.0.0.1", f"--port={self.port}"]
        words += [f"--username={USER}", "--no-align", "--tuples-only", f"--command={query}", USER]
        environment = {**os.environ, "PGPASSWORD": self.password}
        done = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
        return [line.split("|") for line in done.stdout.splitlines()]


@contextlib.contextmanager
def postgres() -> Iterator[Database]:
    """Start it with one empty database; skipped where there is no PostgreSQL, but not in CI."""
    programs = _programs()
    if programs is None:
        missing = "PostgreSQL is not there (Debian: apt install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    # It refuses root, and pytest's own folders are closed to others.
    as_user = {}
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.geteuid() == 0:
        other = pwd.getpwnam("nobody")
        as_user = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": ()}
        os.chown(folder, other.pw_uid, other.pw_gid)
    found = Database(programs, free_port(), secrets.token_hex(16))
    (folder / "password").write_text(found.password, encoding="ascii")
    (folder / "password").chmod(0o644)
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **as_user}
    try:
        words = [programs / "initdb", f"--pgdata={data}", f"--username={USER}", "--no-sync"]
        words += ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--encoding=UTF8"]
        subprocess.run(words, check=True, env=_c_locale(), **quiet)
        words = [programs / "postgres", "-D", data, "-p", str(found.port), "-h", "127.0.0.1"]
        words += ["-k", "", "-c", "fsync=off"]
        process = subprocess.Popen(words, env=_c_locale(), **quiet)
        try:
            _make_database(found, process)
            yield found
        finally:
            process.send_signal(signal.SIGQUIT)  # now, with all that it has started
            process.wait()
    finally:
        shutil.rmtree(folder)


def _programs() -> Path | None:
    """The folder of the newest version's programs."""
    if known := shutil.which("initdb"):
        return Path(known).resolve().parent
    by_version = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0),
    )
    return by_version[-1] if by_version else None


def _c_locale() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _make_database(found: Database, process: subprocess.Popen) -> None:
    words = [found.programs / "createdb", "--host=127.0.0.1", f"--port={found.port}"]
    words += [f"--username={USER}", USER]
    environment = {**os.environ, "PGPASSWORD": found.password}
    deadline = time.monotonic() + 60
    while subprocess.run(words, env=environment, check=False, capture_output=True).returncode:
        assert process.poll() is None and time.monotonic() < deadline, "PostgreSQL does not start"
        time.sleep(0.2)
