"""The MLflow server of compose.yaml as processes of this machine, from .venv-server."""

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.scale.cluster import ROOT, free_port
from tests.scale.postgres import Database

MLFLOW = Path(os.environ.get("MLFLOW_SERVER", ROOT / ".venv-server" / "bin" / "mlflow"))
PASSWORD = "of admin: 12 or more"


@dataclass
class SharedServer:
    """It can be killed and started again at the same place.

    Attributes:
        folder: where it runs, with its log.
        database: of PostgreSQL.
        s3: the environment that leads to an S3 server.
        artifacts: a place in a bucket.
    """

    folder: Path
    database: Database
    s3: Mapping[str, str]
    artifacts: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Start it and wait until it answers."""
        service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["mlflow"]
        program, *words = [self._filled(word) for word in service["command"]]
        assert program == "mlflow"
        words += ["--host=127.0.0.1", f"--port={self.port}"]
        given = {n: self._filled(v) for n, v in service["environment"].items() if v is not None}
        uri = given["MLFLOW_BACKEND_STORE_URI"]
        given["MLFLOW_BACKEND_STORE_URI"] = uri.replace(
            "database:5432", f"127.0.0.1:{self.database.port}"
        )
        assert given["MLFLOW_AUTH_CONFIG_PATH"] == "/etc/mlflow-auth.ini"
        given["MLFLOW_AUTH_CONFIG_PATH"] = str(ROOT / "mlflow-auth.ini")
        environment = {**os.environ, **self.s3, **given}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [MLFLOW, *words],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 900
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log
            time.sleep(0.3)

    def kill(self) -> None:
        """With kill -9, the server and its worker."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def add_user(self, name: str, password: str) -> None:
        """As docs/container.md does."""
        known = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        asked = urllib.request.Request(
            f"{self.address}/api/2.0/mlflow/users/create",
            data=json.dumps({"username": name, "password": password}).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Basic {known}"},
        )
        urllib.request.urlopen(asked, timeout=300).close()

    def _filled(self, text: str) -> str:
        """A text of compose.yaml with its variables."""
        known = {
            "POSTGRES_PASSWORD": self.database.password,
            "MLFLOW_ADMIN_PASSWORD": PASSWORD,
            "MLFLOW_SECRET_KEY": "no secret here",
            "MLFLOW_ARTIFACTS": self.artifacts,
        }

        def value(found: re.Match) -> str:
            name, sign, other = found.groups()
            return known.get(name, other) if sign == ":-" else known[name]

        return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)

    def _answers(self) -> bool:
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{self.address}/health", timeout=5).close()
            return True
        return False


@contextlib.contextmanager
def shared_server(
    folder: Path, database: Database, s3: Mapping[str, str], artifacts: str
) -> Iterator[SharedServer]:
    """Start it, and end it."""
    server = SharedServer(folder, database, s3, artifacts)
    try:
        server.start()
        yield server
    finally:
        server.kill()
