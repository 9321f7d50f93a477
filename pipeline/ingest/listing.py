"""Every regular file below a folder, in a fixed order.

Hidden files and folders count. A link to a file counts as that file; a link to a folder is
not entered, because links can form loops and lead out of the data set; such links are named,
so that nobody misses their files unawares.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class ListedFile:
    """A regular file below data.root."""

    name: str  # relative to the root, with forward slashes, printable
    path: Path
    size: int  # bytes
    mtime_ns: int


@dataclass(frozen=True)
class Listing:
    """All files below a folder, sorted by name, and the linked folders that were not entered."""

    files: tuple[ListedFile, ...]
    linked_folders: tuple[str, ...]


def list_files(root: Path) -> Listing:
    """Walk a folder; raises OSError where a folder cannot be read."""
    files, links = [], []
    base = os.fspath(root)
    todo = [base]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                elif entry.is_dir():
                    links.append(_printable(os.path.relpath(entry.path, base)))
                elif entry.is_file():
                    status = entry.stat()
                    name = _printable(os.path.relpath(entry.path, base))
                    path = Path(entry.path)
                    files.append(ListedFile(name, path, status.st_size, status.st_mtime_ns))
    return Listing(tuple(sorted(files, key=lambda f: f.name)), tuple(sorted(links)))


def joined(listings: Mapping[str, Listing]) -> Listing:
    """Several listings as one; the files of each have its name as first folder, "" adds none."""
    files, links = [], []
    for name, listing in listings.items():
        front = f"{name}/" if name else ""
        files += [replace(file, name=front + file.name) for file in listing.files]
        links += [front + link for link in listing.linked_folders]
    return Listing(tuple(sorted(files, key=lambda f: f.name)), tuple(sorted(links)))


def fingerprint(files: tuple[ListedFile, ...], *, salt: str) -> str:
    """SHA-256 over name, size and time of change of all files, and over `salt`."""
    digest = hashlib.sha256(salt.encode())
    for file in files:
        digest.update(f"\0{file.name}\0{file.size}\0{file.mtime_ns}".encode())
    return digest.hexdigest()


def _printable(name: str) -> str:
    # Names that are not UTF-8 could not be written into a table.
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace(os.sep, "/")
