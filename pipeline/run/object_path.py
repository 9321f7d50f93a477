"""Files on object stores: s3://bucket/key and gs://bucket/key as paths like any other.

The one place that imports fsspec, and only where such a path is used. Credentials, region and
endpoint are those of the usual variables of the environment (AWS_..., GOOGLE_...).
"""

import contextlib
import functools
import importlib
import io
import os
import threading
import urllib.parse
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import Any

from pipeline.run.errors import UserError
from pipeline.run.scratch import scratch_folder

_SCHEMES = ("s3:", "gs:")
# Copies of what never changes: the entries of a store.
COPIES = Path("data/copies")


def place(text: str | Path) -> Path:
    """A path of this machine or of an object store, by how it begins."""
    return (
        ObjectPath(text) if Path(text).parts[:1] in [(each,) for each in _SCHEMES] else Path(text)
    )


@dataclass(frozen=True)
class Status:
    """Of a file on an object store, by the names of `os.stat`."""

    st_size: int
    st_mtime_ns: int


class ObjectPath(PosixPath):
    """A file or a folder of an object store: what the pipeline does with the paths of a machine.

    Files are read and replaced whole; folders are there when there is something in them.
    """

    def __str__(self) -> str:
        return super().__str__().replace(":/", "://", 1)

    @property
    def _key(self) -> str:
        return "/".join(self.parts[1:])

    @contextlib.contextmanager
    def _store(self) -> Iterator[Any]:
        """The store, as fsspec has it; what goes wrong there becomes a sentence."""
        try:
            yield _file_system(self.parts[0], self.parts[1] if len(self.parts) > 1 else "")
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, "No such file", str(self)) from error
        except OSError as error:
            raise UserError(
                f"{self} cannot be reached: {error}. Credentials, region and endpoint come from "
                "the environment, such as AWS_ACCESS_KEY_ID: docs/cluster.md."
            ) from error

    def _info(self) -> dict:
        with self._store() as store:
            return store.info(self._key)

    def _kind(self) -> str:
        try:
            return self._info()["type"]
        except FileNotFoundError:
            return ""

    def stat(self, **_options: Any) -> Any:
        return _status(self._info())

    def exists(self, **_options: Any) -> bool:
        return bool(self._kind())

    def is_file(self, **_options: Any) -> bool:
        return self._kind() == "file"

    def is_dir(self, **_options: Any) -> bool:
        return self._kind() == "directory"

    def iterdir(self) -> Generator["ObjectPath", None, None]:
        with self._store() as store:
            names = store.ls(self._key, detail=False)
        yield from (self / name.rpartition("/")[2] for name in names)

    def files_below(self) -> Iterator[tuple["ObjectPath", Status]]:
        """All files below a folder."""
        from pyarrow.fs import FileSelector, FileType

        with self._store() as store:  # one listing; fsspec would ask once for each folder
            found = store.fs.get_file_info(FileSelector(self._key, recursive=True))
        for each in found:
            if each.type == FileType.File:
                path = self / each.path.removeprefix(f"{self._key}/")
                yield path, Status(each.size, each.mtime_ns or 0)

    def open(self, mode: str = "r", *_more: Any, **text: Any) -> Any:
        if mode == "rb":
            with self._store() as store:
                return store.open(self._key, "rb")
        if mode != "r":
            raise io.UnsupportedOperation(f"{self} is replaced whole, not opened with {mode}")
        with self._store() as store:
            content = io.BytesIO(store.cat_file(self._key))
        return io.TextIOWrapper(content, **text)

    def resolve(self, strict: bool = False) -> "ObjectPath":
        return self

    def absolute(self) -> "ObjectPath":
        return self

    def mkdir(self, *_how: Any, **_more: Any) -> None:
        pass

    def unlink(self, missing_ok: bool = False) -> None:
        with contextlib.suppress(*[FileNotFoundError] * missing_ok), self._store() as store:
            store.rm_file(self._key)

    def download(self, local: Path) -> None:
        """Copy it to this machine."""
        with self._store() as store:
            store.get_file(self._key, str(local))

    def write_with(self, write: Callable[[Path], object]) -> None:
        """Let `write` fill a file of this machine, and put it there whole."""
        with scratch_folder() as folder:
            local = folder / self.name
            write(local)
            with self._store() as store:
                store.put_file(str(local), self._key)
        drop_copy(self)


def _status(info: dict) -> Status:
    changed = info.get("mtime")
    return Status(info["size"] or 0, round(changed.timestamp() * 1e6) * 1000 if changed else 0)


@functools.cache
def _file_system(scheme: str, bucket: str) -> Any:
    # pyarrow, which is there anyway, speaks to the stores.
    stores = importlib.import_module("pyarrow.fs")
    try:
        fsspec = importlib.import_module("fsspec.implementations.arrow")
    except ImportError as error:
        raise UserError(
            f"{scheme}//{bucket} needs fsspec, which is no part of the usual set-up: "
            "make setup-scale installs it."
        ) from error
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if scheme == "s3:" and endpoint:
        parts = urllib.parse.urlsplit(endpoint)
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        made = stores.S3FileSystem(
            endpoint_override=parts.netloc, scheme=parts.scheme, region=region or "us-east-1"
        )
    else:
        made = stores.FileSystem.from_uri(f"{scheme}//{bucket}")[0]
    return fsspec.ArrowFSWrapper(made)


@contextlib.contextmanager
def on_this_machine(path: Path) -> Iterator[Path]:
    """The file itself, or a copy of it that is gone afterwards."""
    if not isinstance(path, ObjectPath):
        yield path
        return
    with scratch_folder() as folder:
        local = folder / path.name
        path.download(local)
        yield local


def kept_copy(path: Path) -> Path:
    """The file itself, or a copy of it that is kept: of files that never change."""
    if not isinstance(path, ObjectPath):
        return path
    local = _copy_of(path)
    if not local.is_file():
        local.parent.mkdir(parents=True, exist_ok=True)
        half = local.with_name(f".{os.getpid()}-{threading.get_ident()}.{local.name}")
        try:
            path.download(half)
            half.replace(local)
        finally:
            half.unlink(missing_ok=True)
    return local


def drop_copy(path: Path) -> None:
    """Forget the copy that is kept of a file, which may be damaged."""
    if isinstance(path, ObjectPath):
        _copy_of(path).unlink(missing_ok=True)


def own_folder(path: Path) -> Path:
    """The folder itself, or that of this machine for what belongs to one of an object store."""
    return _copy_of(path) if isinstance(path, ObjectPath) else path


def _copy_of(path: Path) -> Path:
    return COPIES.joinpath(path.parts[0].rstrip(":"), *path.parts[1:])
