"""Folders for what is needed for a while, which the next process clears after one that was killed.

In them are mammograms, which should not lie about, and whole models.
"""

import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "mammo-scratch-"


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder among the system's temporary ones (TMPDIR), gone at the end."""
    place = Path(tempfile.gettempdir())
    _clear_left(place)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        with _opened(folder) as lock:
            with contextlib.suppress(OSError):  # a disk without locks, where nothing is cleared
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():  # another process took it for one that was left
                continue
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)  # the next process clears the rest
            return


@functools.cache  # once in a process
def _clear_left(place: Path) -> None:
    """Delete the folders of this user whose processes are gone."""
    for folder in place.glob(f"{_PREFIX}*"):
        # of somebody else, or in use
        with contextlib.suppress(OSError), _opened(folder) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """A folder itself, no link to one; the kernel gives its lock back when the process dies."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
