"""Do a command on a run folder, and keep the folder where it outlives the machine.

    keep.py BUCKET RUN COMMAND...

Reads     BUCKET/RUN, once, where RUN is not there yet
Writes    BUCKET/RUN: each minute and at the end what changed in RUN

BUCKET is a folder, such as a mounted bucket, on which files are written from begin to end, closed
and deleted; nothing is renamed, appended to, locked or given a time, which buckets do not do as
disks do. What changed is copied in the order in which it was written, deletions come last: so
BUCKET/RUN is RUN as it was some time ago, like after a loss of power, also when the machine is
taken away in the middle of a copy. The command gets SIGTERM; its status is the status.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

SECONDS = float(os.environ.get("KEEP_SECONDS", "60"))
READERS, TRIES = 16, 5
# What holds for this machine alone: its processes, and what its MLflow has.
OF_THE_MACHINE = {"lock", "tracking.lock", "tracking.json"}


class Stamp(NamedTuple):
    """By which a change is seen."""

    time_ns: int
    size: int
    inode: int


def stamps(folder: Path) -> dict[str, Stamp]:
    """Of the files below a folder, by their path in it; hidden ones are not finished yet."""
    found = {}
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place, name)
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            inner = path.relative_to(folder).as_posix()
            if not name.startswith(".") and inner not in OF_THE_MACHINE:
                found[inner] = Stamp(status.st_mtime_ns, status.st_size, status.st_ino)
    return found


def fetch(kept: Path, folder: Path) -> None:
    """Bring what is kept, with times in the order in which it was written."""
    names = sorted(stamps(kept).items(), key=lambda each: each[1].time_ns)

    def one(name: str, stamp: Stamp) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept / name, path)
        os.utime(path, ns=(stamp.time_ns, stamp.time_ns))

    with ThreadPoolExecutor(READERS) as readers:
        list(readers.map(lambda each: one(*each), names))
    print(f"keep: {len(names)} files fetched from {kept}", flush=True)


class Keeper:
    """What is kept of a folder, and how it was then."""

    def __init__(self, folder: Path, kept: Path, known: dict[str, Stamp]):
        self.folder, self.kept, self.known = folder, kept, known

    def keep(self) -> None:
        """Copy what changed, then delete what is gone.

        Raises:
            OSError: the bucket or the disk does not take it; what was done is known.
        """
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder.parent, prefix=".keep-") as held:
            now, copies = self._at_once(Path(held))
            for name in sorted(copies, key=lambda name: now[name].time_ns):
                target = self.kept / name
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    shutil.copyfile(copies[name], target)
                except OSError as error:  # of a close it does not say of which file
                    raise OSError(f"{target} cannot be written: {error.strerror}") from error
                self.known[name] = now[name]
        for name in [name for name in self.known if name not in now]:
            (self.kept / name).unlink(missing_ok=True)
            del self.known[name]

    def _at_once(self, held: Path) -> tuple[dict[str, Stamp], dict[str, Path]]:
        """The state of the folder at one moment, and links to what changed, which stays so."""
        for turn in range(TRIES):
            now, copies = stamps(self.folder), {}
            for name in [name for name in now if now[name] != self.known.get(name)]:
                copies[name] = held / f"{turn}-{len(copies)}"
                try:
                    os.link(self.folder / name, copies[name])
                except FileNotFoundError:
                    break  # it has just been replaced
            else:
                if stamps(self.folder) == now:
                    return now, copies
        return now, {name: copy for name, copy in copies.items() if copy.exists()}


def main(bucket: str, run: str, *command: str) -> int:
    """Returns the status of the command; 1 where its result could not be kept."""
    if Path(run).is_absolute() or ".." in Path(run).parts:
        print(f"keep: RUN={run} must be a folder below this one, e.g. runs/cbis.", file=sys.stderr)
        return 2
    folder, kept = Path(run), Path(bucket, run)
    known: dict[str, Stamp] = {}
    if kept.is_dir() and not stamps(folder):
        fetch(kept, folder)
        known = stamps(folder)
    keeper = Keeper(folder, kept, known)
    early: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: early.append(number))
    signal.signal(signal.SIGINT, lambda *_: None)  # a terminal sends it to the command as well
    process = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda number, _frame: process.send_signal(number))
    for number in early:
        process.send_signal(number)
    while True:
        try:
            status = process.wait(SECONDS)
            break
        except subprocess.TimeoutExpired:
            try:
                keeper.keep()
            except OSError as error:
                print(f"keep: {error}; tried again in {SECONDS:g} s", file=sys.stderr, flush=True)
    for left in reversed(range(TRIES)):
        try:
            keeper.keep()
            break
        except OSError as error:
            print(f"keep: {error}; tried {left} times more", file=sys.stderr, flush=True)
            if not left:
                return status or 1
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
