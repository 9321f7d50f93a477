"""Do a command on a run folder, and keep the folder where it outlives the machine.

    keep.py BUCKET RUN COMMAND...

Reads     BUCKET/RUN, once, where RUN is not there yet
Writes    BUCKET/RUN: each minute and at the end what changed in RUN; who does so beside it

BUCKET is a folder, such as a mounted bucket, on which files are written from begin to end, closed
and deleted; nothing is renamed, appended to, locked or given a time, which buckets do not do as
disks do. What changed is copied in the order in which it was written, deletions come last: so
BUCKET/RUN is RUN as it was some time ago, like after a loss of power, also when the machine is
taken away in the middle of a copy. The command gets SIGTERM and SIGHUP, and SIGTERM where this
process is killed (child.py); its status is the status.

One machine at a time has the run (lease.py); one that lost it ends the command and writes no more.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cloud.lease import Lease, Taken, owner_of
from pipeline.run.signals import leave_terminal

CHILD = str(Path(__file__).resolve().with_name("child.py"))
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


def fetch(kept: Path, folder: Path, lease: Lease) -> None:
    """Bring what is kept, all of it or nothing, with times in the order in which it was written."""
    names = sorted(stamps(kept).items(), key=lambda each: each[1].time_ns)
    half = folder.with_name(f".{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)

    def one(name: str, stamp: Stamp) -> None:
        path = half / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept / name, path)
        os.utime(path, ns=(stamp.time_ns, stamp.time_ns))

    with ThreadPoolExecutor(READERS) as readers:
        for _ in readers.map(lambda each: one(*each), names):
            lease.hold()
    shutil.rmtree(folder, ignore_errors=True)  # no file is in it
    half.rename(folder)
    print(f"keep: {len(names)} files fetched from {kept}", flush=True)


class Keeper:
    """What is kept of a folder, and how it was then."""

    def __init__(self, folder: Path, kept: Path, known: dict[str, Stamp], lease: Lease):
        self.folder, self.kept, self.known, self.lease = folder, kept, known, lease

    def keep(self) -> None:
        """Copy what changed, then delete what is gone.

        Raises:
            OSError: the bucket or the disk does not take it; what was done is known.
            Taken: another machine has the run.
        """
        self.lease.hold()
        links = self.folder.with_name(f".{self.folder.name}.links")
        shutil.rmtree(links, ignore_errors=True)  # of a process that was killed
        links.mkdir(parents=True)
        try:
            now, copies = self._at_once(links)
            for name in sorted(copies, key=lambda name: now[name].time_ns):
                self.lease.hold()
                target = self.kept / name
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    shutil.copyfile(copies[name], target)
                except OSError as error:  # of a close it does not say of which file
                    raise OSError(f"{target} cannot be written: {error.strerror}") from error
                self.known[name] = now[name]
        finally:
            shutil.rmtree(links)
        for name in [name for name in self.known if name not in now]:
            self.lease.hold()
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
    """Returns the status of the command; 1 where its result could not be kept, 2 if not begun."""
    if Path(run).is_absolute() or ".." in Path(run).parts:
        return _refused(f"RUN={run} must be a folder below this one, e.g. runs/cbis.")
    try:
        with owner_of(Path(run)) as owner:
            lease = Lease(Path(bucket, run), owner, seconds=SECONDS)
            return _kept(lease, Path(run), command)
    except BlockingIOError:
        return _refused(f"another command on this machine keeps {run}. Wait for it.")


def _refused(why: str) -> int:
    print(f"keep: {why}", file=sys.stderr)
    return 2


def _kept(lease: Lease, folder: Path, command: Sequence[str]) -> int:
    try:
        before, is_here = lease.last_writer(), stamps(folder)
        if before and before.owner != lease.owner and is_here and stamps(lease.kept):
            return _refused(
                f"{folder} is here, and {lease.kept} was written by {before.holder} until "
                f"{before.renewed}: neither may be lost. Move {folder} away, and this goes on with "
                "that of the bucket; or take another RUN=."
            )
        if not lease.take():
            return 2
        known: dict[str, Stamp] = {}
        if not is_here and stamps(lease.kept):
            fetch(lease.kept, folder, lease)
            known = stamps(folder)
    except OSError as error:
        return _refused(f"{error}. Nothing was begun.")
    except Taken as taken:
        return _refused(str(taken))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    keeper, process = Keeper(folder, lease.kept, known, lease), begun(command)
    try:
        status = _while_it_runs(process, keeper)
        if not _at_the_end(keeper):
            return status or 1
        with contextlib.suppress(OSError):  # then others wait a while
            lease.leave()
    except Taken as taken:
        process.terminate()
        process.wait()
        print(
            f"keep: {taken} The command is ended; what it made since is in {folder} here.",
            file=sys.stderr,
        )
        return 1
    return status


def begun(command: Sequence[str]) -> subprocess.Popen:
    """The command as a process, which gets what this one is told."""
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_IGN]
    early: list[int] = []
    for each in numbers:
        signal.signal(each, lambda number, _frame: early.append(number))
    signal.signal(signal.SIGINT, lambda *_: None)  # a terminal sends it to the command as well
    process = subprocess.Popen([sys.executable, CHILD, str(os.getpid()), *command])

    def pass_on(number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            leave_terminal()
        process.send_signal(number)

    for each in numbers:
        signal.signal(each, pass_on)
    for number in early:
        pass_on(number, None)
    return process


def _while_it_runs(process: subprocess.Popen, keeper: Keeper) -> int:
    while True:
        try:
            status = process.wait(SECONDS)
            return status if status >= 0 else 128 - status
        except subprocess.TimeoutExpired:
            try:
                keeper.keep()
            except OSError as error:
                print(f"keep: {error}; tried again in {SECONDS:g} s", file=sys.stderr, flush=True)


def _at_the_end(keeper: Keeper) -> bool:
    """Whether all is kept."""
    for left in reversed(range(TRIES)):
        try:
            keeper.keep()
            return True
        except OSError as error:
            print(f"keep: {error}; tried {left} times more", file=sys.stderr, flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
