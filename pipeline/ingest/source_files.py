"""Every regular file below the folder of a data set, in a fixed order.

Hidden files and folders count. A link to a file counts as that file; a link to a folder is
not entered, because links can form loops and lead out of the data set; such links are named,
so that nobody misses their files unawares.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
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


def list_files(root: Path, *, front: str = "") -> Listing:
    """Walk a folder.

    Args:
        front: goes before the names of files and folders.

    Raises:
        OSError: a folder cannot be read.
    """
    files, links = [], []
    base = os.fspath(root)
    todo = [base]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                name = front + _printable(os.path.relpath(entry.path, base))
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                elif entry.is_dir():
                    links.append(name)
                elif entry.is_file():
                    status = entry.stat()
                    path = Path(entry.path)
                    files.append(SourceFile(name, path, status.st_size, status.st_mtime_ns))
    return joined([Listing(tuple(files), tuple(links))])


def joined(listings: Iterable[Listing]) -> Listing:
    """Several listings as one."""
    listings = list(listings)
    files = (file for each in listings for file in each.files)
    links = (link for each in listings for link in each.linked_folders)
    return Listing(tuple(sorted(files, key=lambda file: file.name)), tuple(sorted(links)))


def _printable(name: str) -> str:
    # Names that are not UTF-8 could not be written into a table.
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace(os.sep, "/")
