"""An S3 server on this machine, of the environment .venv-s3, and buckets in it."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.scale.cluster import ROOT, free_port

SERVER = Path(os.environ.get("MOTO_SERVER", ROOT / ".venv-s3" / "bin" / "moto_server"))


@contextlib.contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Start it; gives the environment that leads to it."""
    port = free_port()
    words = [SERVER, "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(words, stdout=quiet, stderr=quiet)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None and time.monotonic() < deadline, "no S3 server"
            time.sleep(0.1)
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
    finally:
        process.kill()
        process.wait()


def make_bucket(name: str) -> None:
    """Make a bucket in the server of the environment."""
    from pyarrow.fs import S3FileSystem

    address = os.environ["AWS_ENDPOINT_URL"].partition("://")[2]
    S3FileSystem(endpoint_override=address, scheme="http", allow_bucket_creation=True).create_dir(
        name
    )
