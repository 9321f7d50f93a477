"""Who writes a run in a bucket: a note beside it, of one machine, renewed as long as that lives.

What a mounted bucket offers is little: the last writer has a file, and conditional writing, which
S3 and Google's store know, is not reached through the mount. So a note is read again a moment after
it was written, and now and then later: of two machines that begin in the same seconds the one that
wrote last goes on, and the other sees it and stops. One that stood still meanwhile may finish the
file that it was writing. Times are only shown; what counts is whether a note changes while it is
watched, so clocks may differ.
"""

import contextlib
import fcntl
import json
import os
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RENEWALS = 5  # a note that was not renewed for so long is nobody's


class Taken(Exception):
    """Another machine has the run now; says which, and since when."""


@dataclass(frozen=True)
class Note:
    """What is in the bucket."""

    owner: str  # the run folder of one machine
    holder: str  # for people
    since: str
    renewed: str
    times: int  # that it was renewed
    left: bool = False  # the owner has ended, and wrote last


class Lease:
    """The right of one machine to write a run of a bucket.

    Attributes:
        kept: the run in the bucket.
        owner: what tells this machine's folder of the run from all others.
        seconds: time between two renewals.
    """

    def __init__(self, kept: Path, owner: str, *, seconds: float):
        self.kept, self.owner, self.seconds = kept, owner, seconds
        self._path = kept.with_name(f".{kept.name}.lease")
        self._since, self._renewed_at, self._times = "", 0.0, 0

    def last_writer(self) -> Note | None:
        """What the note says; None where there is none, or none that can be read."""
        for _ in range(RENEWALS):
            try:
                return Note(**json.loads(self._path.read_text(encoding="utf-8")))
            except FileNotFoundError:
                return None
            except (ValueError, TypeError):  # on a disk it may be written this moment
                time.sleep(self.seconds / 60)
        return None

    def take(self) -> bool:
        """Wait until the run is nobody's, and say for whom; whether it could be taken.

        Another machine that is about to go away has it for a while; one that renews its note all
        the time keeps it.
        """
        patience, begun = RENEWALS * self.seconds, time.monotonic()
        seen, seen_at = None, begun
        while True:
            note, now = self.last_writer(), time.monotonic()
            if note and self._is_of_another(note):
                if seen is None:
                    print(_waiting(self.kept, note, patience), file=sys.stderr, flush=True)
                if note != seen:
                    seen, seen_at = note, now
                if now - seen_at < patience:
                    if now - begun >= 2 * patience:
                        print(f"keep: {note.holder} still works on it.", file=sys.stderr)
                        return False
                    time.sleep(self.seconds / 4)
                    continue
            self._since = _now()
            self._write()
            time.sleep(self.seconds / 12)  # another machine may be at it this moment
            written = self.last_writer()
            if written and written.owner == self.owner:
                return True

    def hold(self) -> None:
        """Renew it where it is time to; asked before each write.

        Raises:
            Taken: another machine has it, for this one stood still or did not reach the bucket.
            OSError: the bucket is away.
        """
        if time.monotonic() - self._renewed_at < self.seconds / 4:
            return
        self._renew()

    def leave(self) -> None:
        """Let others have it at once.

        Raises:
            Taken, OSError: as `hold`.
        """
        self._renew(left=True)

    def _renew(self, *, left: bool = False) -> None:
        note = self.last_writer()
        if note and note.owner != self.owner:
            raise Taken(
                f"{note.holder} has {self.kept} since {note.since}, for this machine was not heard "
                "of for a while. Nothing more is written there."
            )
        self._write(left=left)

    def _is_of_another(self, note: Note) -> bool:
        return note.owner != self.owner and not note.left

    def _write(self, *, left: bool = False) -> None:
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        self._times += 1
        note = Note(self.owner, holder, self._since, _now(), self._times, left)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(asdict(note)), encoding="utf-8")
        self._renewed_at = time.monotonic()


def _waiting(kept: Path, note: Note, patience: float) -> str:
    return (
        f"keep: {note.holder} works on {kept} since {note.since} and was last heard of at "
        f"{note.renewed}. Two machines must not write one run. If that one is gone, this one goes "
        f"on when it was silent for {patience:g} s. If not, end the command there, or end this one "
        "with Ctrl-C and take another RUN=."
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(sep=" ", timespec="seconds")


@contextlib.contextmanager
def owner_of(folder: Path) -> Iterator[str]:
    """What stands for the run folder of this machine, which one process at a time has.

    It stays from call to call, and a copy of the folder elsewhere has another.

    Raises:
        BlockingIOError: another process has it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.keeper").open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.seek(0)
        place = str(os.fstat(file.fileno()).st_ino)
        owner, _, of = file.read().partition(" ")
        if of != place:  # there is none yet, or it was copied
            owner = uuid.uuid4().hex
            file.truncate(0)
            file.write(f"{owner} {place}")
            file.flush()
        yield owner
