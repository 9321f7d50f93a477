"""phantom.json in data.root: what the folder holds and from which settings it was made.

It is written before the first picture with `complete` false, which claims the folder, and
again after the last one.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.run.atomic import json_text, write_text
from pipeline.run.errors import UserError

RECORD = "phantom.json"


@dataclass(frozen=True)
class Record:
    """The content of phantom.json."""

    made_from: dict  # settings and version of the generator
    complete: bool
    images: list[dict]  # as importer.draw_and_write returns them; only `file` while incomplete


def read_record(root: Path) -> Record | None:
    """The record of a phantom's folder; None where the folder is absent or empty.

    Raises:
        UserError: the folder holds other things, or its record cannot be read.
    """
    path = root / RECORD
    if not path.is_file():
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise UserError(
                f"data.root={root} exists and is no phantom's folder (it has no {RECORD}), so "
                "nothing is written there. Choose another data.root, or set data.importer to "
                "read your own data."
            )
        return None
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({error}). Delete the folder {root} to have it written again."
        ) from error


def write_record(root: Path, record: Record) -> None:
    """Replace phantom.json atomically."""
    write_text(root / RECORD, json_text(vars(record)))


def is_current(root: Path, record: Record | None, made_from: dict) -> bool:
    """Whether the folder is whole and made from these settings."""
    if record is None or not record.complete or record.made_from != made_from:
        return False
    paths = [(root / image["file"], image["bytes"]) for image in record.images]
    return all(path.is_file() and path.stat().st_size == size for path, size in paths)
