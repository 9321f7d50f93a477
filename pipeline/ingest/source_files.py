"""Every regular file below the folder of a data set, in a fixed order.

Hidden files and folders count. A link to a file counts as that file; a link to a folder is
not entered, because links can form loops and lead out of the data set; such links are named,
so that nobody misses their files unawares.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class SourceFile:
    """A regular file below data.root: a row of files.csv."""

    name: str  # relative to the root, with forward slashes, printable
    path: Path
    size: int  # bytes
    mtime_ns: int

    @property
    def suffix(self) -> str:
        """In lower case, with its dot."""
        return self.path.suffix.lower()


@dataclass(frozen=True)
class Listing:
    """All files below a folder, sorted by name, and the linked folders that were not entered."""

    files: tuple[SourceFile, ...]
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
                    files.append(SourceFile(name, path, status.st_size, status.st_mtime_ns))
    return _sorted(files, links)


def joined(listings: Mapping[str, Listing]) -> Listing:
    """Several listings as one; the files of each have its name as first folder, "" adds none."""
    files, links = [], []
    for name, listing in listings.items():
        front = f"{name}/" if name else ""
        files += [replace(file, name=front + file.name) for file in listing.files]
        links += [front + link for link in listing.linked_folders]
    return _sorted(files, links)


def nearest_to_root(files: Iterable[SourceFile]) -> dict[str, SourceFile]:
    """Of the files with the same name, that in the fewest folders; by name in lower case."""
    found: dict[str, SourceFile] = {}
    for file in sorted(files, key=lambda f: (f.name.count("/"), f.name)):
        found.setdefault(file.path.name.lower(), file)
    return found


def fingerprint(files: tuple[SourceFile, ...], *, salt: str) -> str:
    """SHA-256 over name, size and time of change of all files, and over `salt`."""
    digest = hashlib.sha256(salt.encode())
    for file in files:
        digest.update(f"\0{file.name}\0{file.size}\0{file.mtime_ns}".encode())
    return digest.hexdigest()


def _sorted(files: list[SourceFile], links: list[str]) -> Listing:
    return Listing(tuple(sorted(files, key=lambda f: f.name)), tuple(sorted(links)))


def _printable(name: str) -> str:
    # Names that are not UTF-8 could not be written into a table.
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace(os.sep, "/")
