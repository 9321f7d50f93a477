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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.needed import is_missing
from tests.scale.cluster import free_port

USER = "mlflow"  # and name of the database


@dataclass
class Database:
    """A server with one database, which can crash and be started again.

    Attributes:
        programs: folder of PostgreSQL's.
        folder: of its files.
        as_user: whom it runs as.
    """

    programs: Path
    folder: Path
    as_user: Mapping[str, Any]
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    process: subprocess.Popen | None = None

    def make(self) -> None:
        """Make its files."""
        place = self.folder / "password"
        place.write_text(self.password, encoding="ascii")
        place.chmod(0o644)  # for another user; the folder is closed to all others
        words = [f"--pgdata={self.folder / 'data'}", f"--username={USER}", f"--pwfile={place}"]
        words += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]
        subprocess.run([self.programs / "initdb", *words], check=True, **self._how())

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = ["-D", self.folder / "data", "-h", "127.0.0.1", "-p", str(self.port)]
        words += ["-k", "", "-c", "fsync=off"]
        self.process = subprocess.Popen([self.programs / "postgres", *words], **self._how())
        deadline = time.monotonic() + 300
        while self._asked("psql", "--command=", "postgres").returncode:
            assert self.process.poll() is None and time.monotonic() < deadline, "no PostgreSQL"
            time.sleep(0.2)

    def crash(self) -> None:
        """End it now, with all that it has started."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    def rows(self, query: str) -> list[list[str]]:
        """What a query answers, each value as text."""
        done = self._asked("psql", "--no-align", "--tuples-only", f"--command={query}", USER)
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]

    def dump(self) -> str:
        """All that is in the database."""
        return self._asked("pg_dump", USER).stdout

    def _asked(self, program: str, *words: str) -> subprocess.CompletedProcess:
        place = ["--host=127.0.0.1", f"--port={self.port}", f"--username={USER}"]
        environment = {**os.environ, "PGPASSWORD": self.password}
        command = [self.programs / program, *place, *words]
        return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)

    def _how(self) -> dict[str, Any]:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        locale = {"env": {**os.environ, "LC_ALL": "C.UTF-8"}}
        return {"cwd": self.folder, **quiet, **locale, **self.as_user}


@contextlib.contextmanager
def postgres() -> Iterator[Database]:
    """Start it with one empty database; skipped where there is no PostgreSQL, but not in CI."""
    programs = _programs()
    if programs is None:
        missing = "PostgreSQL is not there (Debian: apt install postgresql)"
        is_missing(missing)
    folder, as_user = Path(tempfile.mkdtemp(prefix="postgres-")), {}
    if os.geteuid() == 0:  # which it refuses; and pytest's own folders are closed to others
        other = pwd.getpwnam("nobody")
        as_user = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": ()}
        os.chown(folder, other.pw_uid, other.pw_gid)
    found = Database(programs, folder, as_user)
    try:
        found.make()
        found.start()
        found._asked("createdb", USER).check_returncode()
        yield found
    finally:
        found.crash()
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
