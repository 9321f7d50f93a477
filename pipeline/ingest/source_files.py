"""Every regular file of a data set, in a fixed order: of a folder, of a list, or a single one.

Hidden files and folders count. A link to a file counts as that file; a link to a folder is
not entered, because links can form loops and lead out of the data set; such links are named,
so that nobody misses their files unawares. So are links to files that are not there, such as those
of git-annex and DVC before the files are fetched, and pipes and devices, which nothing opens.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError
from pipeline.run.object_path import ObjectPath

LISTS = (".txt", ".lst", ".list", ".csv")


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
    """All files below a folder, sorted by name, and what else is there."""

    files: tuple[SourceFile, ...]
    not_entered: tuple[str, ...]  # linked folders, pipes and devices
    broken_links: tuple[SourceFile, ...] = ()  # to files that are not there; none of `files`


def files_of(place: Path, *, front: str = "") -> Listing:
    """What a folder, a list or a file stands for; as `list_files` and `given_files` give it."""
    if isinstance(place, ObjectPath):
        return _objects(place, front)
    return (list_files if place.is_dir() else given_files)(place, front=front)


def _objects(root: ObjectPath, front: str) -> Listing:
    found = [(root, root.stat())] if root.is_file() else root.files_below()
    files = (
        SourceFile(
            front + (path.relative_to(root).as_posix() if path != root else path.name),
            path,
            status.st_size,
            status.st_mtime_ns,
        )
        for path, status in found
    )
    return joined([Listing(tuple(files), ())])


def list_files(root: Path, *, front: str = "") -> Listing:
    """Walk a folder.

    Args:
        front: goes before the names of files and folders.

    Raises:
        OSError: a folder cannot be read.
    """
    files, others, broken = [], [], []
    base = os.fspath(root)
    todo = [base]
    while todo:
        with os.scandir(todo.pop()) as entries:
            for entry in entries:
                name = front + _printable(os.path.relpath(entry.path, base))
                path = Path(entry.path)  # unlike the entry it bears a link to itself
                if entry.is_dir(follow_symlinks=False):
                    todo.append(entry.path)
                elif path.is_dir():
                    others.append(name)
                elif path.is_file():
                    files.append(_source_file(name, entry, entry.stat()))
                elif not path.exists():
                    status = entry.stat(follow_symlinks=False)
                    broken.append(_source_file(name, entry, status))
                else:
                    others.append(name)
    return joined([Listing(tuple(files), tuple(others), tuple(broken))])


def given_files(path: Path, *, front: str = "") -> Listing:
    """A single file; or the files that a list (.txt, .lst, .list, .csv) names, each once.

    A list has a path on each line, or is a table with the column `file`. Paths are relative to its
    folder; where nothing lies there, to the folder that make is started in.

    Args:
        front: goes before the names of files, which are relative to the folder that holds all.

    Raises:
        UserError: it is a pipe or device; the list is empty or names what is no file.
        OSError: a file cannot be looked at.
    """
    if not path.is_file():  # to open it might never end
        raise UserError(f"{path} is neither a file nor a folder. Name one of them.")
    if path.suffix.lower() not in LISTS:
        paths = [path]
    else:
        named = (_named_file(path, *line) for line in _lines_of(path))
        paths = list({os.path.normpath(file.absolute()): file for file in named}.values())
    if not paths:
        raise UserError(f"{path} names no file. A list has the path of a file on each line.")
    places = [os.path.normpath(file.absolute()) for file in paths]
    base = os.path.commonpath([os.path.split(place)[0] for place in places])
    files = []
    for file, place in zip(paths, places, strict=True):
        status = file.stat()
        name = front + _printable(os.path.relpath(place, base))
        files.append(SourceFile(name, file, status.st_size, status.st_mtime_ns))
    return joined([Listing(tuple(files), ())])


def _lines_of(path: Path) -> list[tuple[str, str]]:
    """What each line of a list names, after where it stands."""
    if path.suffix.lower() == ".csv":
        table = read_text_table(path, needed=("file",), separators=",;")
        return [(where, row["file"]) for where, row in table.rows]
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no list of files in UTF-8.") from error
    named = [(f"{path}, line {number}", line.strip()) for number, line in enumerate(lines, 1)]
    return [(where, line) for where, line in named if line and not line.startswith("#")]


def _named_file(path: Path, where: str, name: str) -> Path:
    for file in (path.parent / name, Path(name)):
        if file.is_file():
            return file
    what = "is a folder; name the files in it" if Path(name).is_dir() else "is no file"
    raise UserError(
        f"{where}: {name!r} {what}. Paths are relative to {path.parent}, or to the folder that "
        "make is started in."
    )


def joined(listings: Iterable[Listing]) -> Listing:
    """Several listings as one."""
    listings = list(listings)
    files = (file for each in listings for file in each.files)
    others = (name for each in listings for name in each.not_entered)
    broken = (file for each in listings for file in each.broken_links)
    return Listing(_by_name(files), tuple(sorted(others)), _by_name(broken))


def _by_name(files: Iterable[SourceFile]) -> tuple[SourceFile, ...]:
    return tuple(sorted(files, key=lambda file: file.name))


def _source_file(name: str, entry: os.DirEntry, status: os.stat_result) -> SourceFile:
    return SourceFile(name, Path(entry.path), status.st_size, status.st_mtime_ns)


def _printable(name: str) -> str:
    # Names that are not UTF-8 could not be written into a table.
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace(os.sep, "/")
