"""An S3 server on this machine, of the environment .venv-s3, and buckets in it."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.scale.cluster import ROOT, free_port

if TYPE_CHECKING:
    from pyarrow.fs import S3FileSystem

SERVER = Path(os.environ.get("MOTO_SERVER", ROOT / ".venv-s3" / "bin" / "moto_server"))


@contextlib.contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Start it; gives the environment that leads to it."""
    port = free_port()
    words = [SERVER, "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(words, stdout=quiet, stderr=quiet)
    try:
        deadline = time.monotonic() + 300
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


def make_bucket(name: str, s3: Mapping[str, str] = os.environ) -> None:
    """Make a bucket in a server."""
    _file_system(s3).create_dir(name)


def remove_bucket(name: str, s3: Mapping[str, str]) -> None:
    """Remove a bucket with all that is in it."""
    _file_system(s3).delete_dir(name)


def bucket_files(s3: Mapping[str, str], folder: str) -> dict[str, bytes]:
    """All files below a folder of a bucket, by their names from there."""
    from pyarrow.fs import FileSelector, FileType

    system = _file_system(s3)
    found = system.get_file_info(FileSelector(folder, recursive=True))
    return {
        each.path.removeprefix(f"{folder}/"): system.open_input_stream(each.path).read()
        for each in found
        if each.type == FileType.File
    }


def _file_system(s3: Mapping[str, str]) -> "S3FileSystem":
    from pyarrow.fs import S3FileSystem

    return S3FileSystem(
        access_key=s3["AWS_ACCESS_KEY_ID"],
        secret_key=s3["AWS_SECRET_ACCESS_KEY"],
        region=s3["AWS_DEFAULT_REGION"],
        endpoint_override=s3["AWS_ENDPOINT_URL"].partition("://")[2],
        scheme="http",
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )
