"""The error that a user can act on."""

import contextlib
import errno
import os
import re
import select
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError


class UserError(Exception):
    """Says what is wrong, where, what was expected and what to do; shown without a traceback."""


class DamagedFile(UserError, ValueError):
    """A file of a run that cannot be read as what it is."""


def validation_text(error: ValidationError) -> str:
    """What pydantic found wrong, each place once: `train.epochs: must be ..., not 'x'`."""
    faults: dict[str, dict[str, None]] = {}
    for fault in error.errors():
        # Where one of several types is allowed, pydantic says of each what is wrong.
        parts = [str(part) for part in fault["loc"] if not _OF_A_TYPE.match(str(part))]
        given = "" if isinstance(fault["input"], dict | list) else f", not {fault['input']!r}"
        faults.setdefault(".".join(parts), {})[fault["msg"] + given] = None
    return "; ".join(f"{place}: {', or: '.join(texts)}" for place, texts in faults.items())


_OF_THE_DISK = {
    errno.ENOSPC: "the disk is full: free some room",
    errno.EDQUOT: "the quota is used up: free some room",
    errno.EROFS: "the disk can only be read: take a place that can be written",
    errno.EACCES: "permission is denied: take another place, or have the permission changed",
    errno.EPERM: "it is not permitted: take another place, or have the permission changed",
    errno.EIO: "it cannot be read or written: look after the disk, or the network to it",
    errno.ESTALE: "the network disk is gone: mount it again",
    errno.ENOTCONN: "the network disk is gone: mount it again",
    errno.ENOLCK: "the disk takes no locks: take a place on another one",
    errno.EMFILE: "too many files are open: allow more (ulimit -n 4096)",
    errno.ENOTDIR: "a file lies where a folder is needed: take another place",
    errno.EEXIST: "a file or a broken link lies where a folder is needed: take another place",
    errno.ENAMETOOLONG: "the name is too long: take a shorter one",
}

# How pydantic calls a type in the place of a fault.
_OF_A_TYPE = re.compile(r"(literal|tuple|list|nullable|is-instance|function-\w+)\[|constrained-")

# What TensorFlow makes of an error in a thread of its own.
_PASSED_ON = re.compile(r"\bUserError: (.+)")


@contextlib.contextmanager
def ended_by_errors(folder: Path, *, name: str = "") -> Iterator[None]:
    """End with status 2, after a sentence on standard error, where a user can mend what is wrong.

    Args:
        folder: see `disk_text`.
        name: of the command, before the sentence.

    Raises:
        SystemExit: status 2.
    """
    try:
        yield
    except Exception as error:  # every library has errors of its own for a full disk
        text = sentence_of(error, folder)
        if text is None:
            raise
        print(f"{name}: {text}" if name else text, file=sys.stderr)
        raise SystemExit(2) from error


def sentence_of(error: BaseException, folder: Path) -> str | None:
    """What a user can do about an error; None where it is none that a user can mend.

    Args:
        folder: see `disk_text`.
    """
    if isinstance(error, UserError):
        return str(error)
    passed_on = (_PASSED_ON.search(str(each)) for each in _chain(error))
    return next((found[1] for found in passed_on if found), None) or disk_text(error, folder)


def disk_text(error: BaseException, folder: Path) -> str | None:
    """What to do where a disk, a permission or a closed output is behind an error; None where not.

    Args:
        folder: what was worked on, for errors that name no file.
    """
    for each in _chain(error):
        if isinstance(each, BrokenPipeError) and _nobody_reads():
            return "What read the output has ended. Give the same command again: it goes on."
        for number, text in _OF_THE_DISK.items():
            # Libraries that are not Python's own only pass on the system's words.
            if getattr(each, "errno", None) == number or os.strerror(number) in str(each):
                place = getattr(each, "filename", None) or folder
                return (
                    f"{os.fsdecode(place)}: {text}, then give the same command again. What is "
                    "done is kept."
                )
    return None


def _nobody_reads() -> bool:
    """Whether standard output is a pipe without a reader; it leads nowhere from then on."""
    waiting = select.poll()
    waiting.register(1, 0)
    closed = any(event & select.POLLERR for _, event in waiting.poll(0))
    if closed:  # what is still to be written must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return closed


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
