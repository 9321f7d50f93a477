"""Files that are whole or absent, folders set aside, and JSON and YAML in one style."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pipeline.run.errors import DamagedFile
from pipeline.run.object_path import ObjectPath


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it over `path`.

    Its bytes are on the disk before the name is: after a loss of power the file is the old or the
    new one, and not the new name of nothing. The temporary name keeps the suffix, because some
    writers choose the format by it.
    """
    if isinstance(path, ObjectPath):
        path.write_with(write)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write(temporary)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_text_if_changed(path: Path, text: str) -> bool:
    """Write atomically unless the file already says the same; True when it was written."""
    if says(path, text):
        return False
    write_text(path, text)
    return True


def says(path: Path, text: str) -> bool:
    """Whether a file is there and holds this text."""
    return path.is_file() and path.read_bytes() == text.encode()


def write_json(path: Path, value) -> None:
    """Write a value as `json_text` atomically."""
    write_text(path, json_text(value))


def read_json(path: Path) -> Any:
    """The content of a JSON file; None where there is no file.

    Raises:
        DamagedFile: it is none.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except ValueError as error:
        raise DamagedFile(
            f"{path} is damaged ({error}). Delete it; what made it makes it anew with FORCE=1."
        ) from error


def set_aside(folder: Path, place: Path) -> Path:
    """Move a folder to PLACE/<name>-<n>, over nothing; returns its new place."""
    place.mkdir(parents=True, exist_ok=True)
    return folder.rename(free_place(place / folder.name))


def free_place(path: Path) -> Path:
    """The first of <path>-1, <path>-2, ... that is not there."""
    number = 1
    while (free := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return free


def json_text(value) -> str:
    """JSON with two spaces of indent and a final newline; refuses NaN."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def yaml_text(value) -> str:
    """YAML in block style, keys in the given order."""
    return yaml.safe_dump(value, sort_keys=False, default_flow_style=False, allow_unicode=True)
