"""Pseudonyms for what names a hospital's patients and files, and the way back.

A pseudonym is a keyed hash (HMAC-SHA256), so that nobody without the key can try all names. The key
and the table that leads back lie in one folder of this machine, which belongs to no run and no
store: the folder that the environment names with MAMMO_PRIVATE, or data/private.

    pseudonym.key   32 random bytes, made once; the same key gives the same pseudonyms in every run
    pseudonyms.csv  pseudonym, kind (patient, image, file, path, site), original

Both can be read by their owner only. `Pseudonyms` makes pseudonyms, `original` leads back.
"""

import base64
import csv
import fcntl
import functools
import hashlib
import hmac
import io
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from pipeline.run.atomic import write_atomic
from pipeline.run.errors import UserError
from pipeline.run.object_path import place

PRIVATE = "MAMMO_PRIVATE"
KEY, TABLE = "pseudonym.key", "pseudonyms.csv"
# How the pseudonyms of each kind begin; none is a path that anybody has.
_FRONTS = {"patient": "p", "image": "i", "file": "f", "site": "s", "path": "private:"}
_LETTERS = 12  # of 5 bits each
# What a file keeps of its name, so that tables show what it was.
_SUFFIXES = frozenset(
    (
        *(".dcm", ".dicom", ".dic", ".ima", ".img", ".png", ".tif", ".tiff", ".jpg", ".jpeg"),
        *(".bmp", ".pgm", ".gif", ".csv", ".tsv", ".txt", ".xls", ".xlsx", ".json", ".xml", ".pdf"),
        *(".zip", ".gz", ".tgz", ".tar", ".7z", ".ics", ".ljpeg"),
    )
)


def private_folder() -> Path:
    """Where the key and the table are."""
    return Path(os.environ.get(PRIVATE) or "data/private")


class Pseudonyms:
    """Makes pseudonyms with the key of this machine, which is made where there is none."""

    def __init__(self) -> None:
        """Read the key.

        Raises:
            UserError: it cannot be read, is damaged, or was lost.
        """
        self._key = _key()
        self._new: dict[str, tuple[str, str]] = {}

    @property
    def key_check(self) -> str:
        """What tells this key from another one, and nothing else of it."""
        return self.hashed("key", "")

    def of(self, kind: str, text: str) -> str:
        """The pseudonym of a name; "" and what is a path's pseudonym already stay as they are.

        Args:
            kind: patient, image, file (its name below data.root), path or site.
        """
        if not text or is_private(text):
            return text
        suffix = Path(text).suffix.lower() if kind == "file" else ""
        made = _FRONTS[kind] + self.hashed(kind, text) + (suffix if suffix in _SUFFIXES else "")
        self._new[made] = kind, text
        return made

    def keep(self) -> None:
        """Write those that were made into the table."""
        table = private_folder() / TABLE
        if self._new.items() <= _originals().items():
            return
        with (table.parent / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            rows = dict(_originals()) | self._new
            text = io.StringIO()
            lines = csv.writer(text, lineterminator="\n")
            lines.writerow(("pseudonym", "kind", "original"))
            lines.writerows((made, *rows[made]) for made in sorted(rows))
            _write_private(table, text.getvalue())
        self._new = {}

    def hashed(self, kind: str, text: str) -> str:
        """The keyed hash of a text, from which no table leads back."""
        message = f"{kind}\0{text}".encode("utf-8", "surrogateescape")
        digest = hmac.digest(self._key, message, "sha256")
        return base64.b32encode(digest).decode().lower()[:_LETTERS]


def is_private(text: str) -> bool:
    """Whether it is the pseudonym of a path."""
    return text.startswith(_FRONTS["path"])


def original(pseudonym: str) -> str:
    """What a pseudonym stands for; itself where the table of this machine does not have it."""
    return _originals().get(pseudonym, ("", pseudonym))[1]


def original_path(text: str) -> Path:
    """The file that a table names, by its path or the pseudonym of it.

    `file` of catalog/images.csv and of mammograms.csv leads by it to the DICOM file itself, and so
    to its UIDs.

    Raises:
        UserError: as `known_original`.
    """
    return place(known_original(text))


def known_original(text: str) -> str:
    """A path, or what the pseudonym of one stands for.

    Raises:
        UserError: it is a pseudonym that this machine does not know.
    """
    found = original(text)
    if is_private(found):
        raise UserError(
            f"{found} stands for a file or folder of the hospital, and {private_folder() / TABLE} "
            "does not say for which. Copy that folder from where the run was made, or name the "
            f"one that has it: {PRIVATE}=path/to/private; or give INPUT (or SET) anew."
        )
    return found


def _key() -> bytes:
    path = private_folder() / KEY
    if not path.exists() and not (path.parent / TABLE).exists():
        _make_key(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise UserError(
            f"{path} is missing, the key of the pseudonyms in {path.parent / TABLE}. Copy it back: "
            "another key gives other pseudonyms, so that no run would know its patients again. "
            "To begin anew, move that table away."
        ) from error
    except OSError as error:
        raise UserError(
            f"{path}, the key of the pseudonyms, cannot be read: {error.strerror}. Only who made "
            f"it may read it; {PRIVATE}=another/folder names a key of your own."
        ) from error
    except ValueError:
        key = b""
    if len(key) != hashlib.sha256().digest_size:
        raise UserError(f"{path} is damaged: it must hold 64 hexadecimal digits. Copy it back.")
    return key


def _make_key(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (path.parent / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                _write_private(path, secrets.token_hex(hashlib.sha256().digest_size) + "\n")
    except OSError as error:
        raise UserError(
            f"{path}, the key of the pseudonyms, cannot be made: {error.strerror}. Name a folder "
            f"that can be written and is nobody else's: {PRIVATE}=path/to/private."
        ) from error


def _write_private(path: Path, text: str) -> None:
    def write(temporary: Path) -> None:
        temporary.touch(mode=0o600)
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")

    write_atomic(path, write)


def _originals() -> Mapping[str, tuple[str, str]]:
    """Kind and original by pseudonym, as the table has them now."""
    table = private_folder() / TABLE
    try:
        status = table.stat()
    except FileNotFoundError:
        return {}
    return _read_table(table, status.st_mtime_ns, status.st_ino, status.st_size)


@functools.lru_cache(maxsize=1)
def _read_table(table: Path, *_state: int) -> Mapping[str, tuple[str, str]]:
    try:
        text = table.read_text(encoding="utf-8", errors="surrogateescape")
        rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    except (OSError, csv.Error) as error:
        raise UserError(
            f"{table}, which leads back from pseudonyms, cannot be read: {error}."
        ) from error
    return {row[0]: (row[1], row[2]) for row in rows if len(row) == 3}
