"""A disk that is full, and folders that may not be read or written."""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.run.csv_tables import read_text_table
from pipeline.run.stage import run_stage
from tests.fault_injection.child import in_child, inside
from tests.fault_injection.fault import Place, Skipped, expect, fault
from tests.fault_injection.kills import check_same
from tests.fault_injection.small_set import RUN, set_up, stage, write_films

# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, with which root reads and writes everything.
_PAST_PERMISSIONS = (1, 2)
_PR_CAPBSET_DROP, _CAPABILITY_VERSION = 24, 0x20080522
_LARGE = "256m"


def _mount(folder: Path, size: str, *, again: bool = False) -> None:
    options = f"{'remount,' if again else ''}size={size}"
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Skipped("only root may make a small disk here")


def _full(place: Place, name: str) -> str:
    disk, told = place.folder / "disk", 0
    disk.mkdir()
    rooms_kib = (0, 4, *(int(2 ** place.random.uniform(3, 10)) for _ in range(4)))
    for room_kib in rooms_kib:
        _mount(disk, _LARGE)
        try:
            with inside(disk):
                place.base.before(name)
                used_kib = shutil.disk_usage(disk).used // 1024
                _mount(disk, f"{used_kib + room_kib}k", again=True)
                ended = stage(name)
                told += ended.status != 0
                text = ended.text
                sentence = ended.is_sentence and ("disk is full" in text or "Free some" in text)
                expect(ended.status == 0 or sentence, f"room of {room_kib} KiB: {text[-600:]}")
                _mount(disk, _LARGE, again=True)
                check_same(place, name, f"after a full disk with {room_kib} KiB left")
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)
    return f"{len(rooms_kib)} times, {told} of them too full: a sentence; identical afterwards"


for _name in ("ingest", "preprocess", "train", "heatmap", "evaluate"):
    fault(f"disk full: {_name}")(partial(_full, name=_name))


def bound_by_permissions(work: Callable[[], object]) -> Callable[[], None]:
    """The work as a user whom permissions bind, as they bind root without its capabilities."""

    def changed() -> None:
        if os.geteuid() == 0:
            libc = ctypes.CDLL(None, use_errno=True)
            # Of the processes that it starts, then of itself; <linux/capability.h>.
            for capability in _PAST_PERMISSIONS:
                libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
            header, data = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
            libc.capget(header, data)
            for part in (0, 1):  # effective and permitted
                data[part] &= ~sum(1 << capability for capability in _PAST_PERMISSIONS)
            if libc.capset(header, data):
                raise OSError(ctypes.get_errno(), "capset")
        work()

    return changed


@fault("permission denied: input", quick=True)
def _no_input(place: Place) -> str:
    films = write_films(Path("data/films"))
    set_up(more="dicom.workers=0")
    (films / "w1-0.dcm").chmod(0)
    ingest = bound_by_permissions(partial(run_stage, "ingest", RUN.root))
    ended = in_child(ingest)
    expect(ended.status == 0, f"one file: {ended.text}")
    rows = {row["file"]: row for _, row in read_text_table(RUN.files_table).rows}
    expect(rows["w1-0.dcm"]["status"] == "failed", f"one file: {rows['w1-0.dcm']}")
    films.chmod(0)
    ended = in_child(ingest)
    films.chmod(0o755)
    expect(ended.is_sentence and "data/films" in ended.text, f"a folder: {ended.text}")
    return "a file counts as lost, by name; a folder is a sentence"


@fault("permission denied: output")
def _no_output(place: Place) -> str:
    told = 0
    for name in ("preprocess", "train", "heatmap"):
        for where in (RUN.root, Path("data/store"), RUN.model, RUN.manifest("x").parent):
            place.base.before(name)
            if not where.exists() or (where == RUN.model and name == "train"):
                continue
            where.chmod(0o500)
            work = bound_by_permissions(partial(run_stage, name, RUN.root))
            ended = in_child(work)
            where.chmod(0o755)
            if ended.status:
                expect(ended.is_sentence, f"{name}, {where}: {ended.text[-600:]}")
                told += 1
            # As the owner of all, who may go on.
            again = in_child(work)
            expect(again.status == 0, f"{name}, {where}: then {again.text[-600:]}")
            check_same(place, name, f"{name}, {where}")
    return f"{told} sentences; identical when the permission is there"


@fault("permission denied: tracking")
def _no_tracking(place: Place) -> str:
    place.base.before("preprocess")
    Path("runs/mlflow").mkdir()
    Path("runs/mlflow").chmod(0)

    def track() -> None:
        from pipeline.tracking.outage import attempted
        from pipeline.tracking.upload import upload

        if why := attempted(partial(upload, RUN), RUN.root):
            print(why)
            raise SystemExit(2)

    ended = in_child(bound_by_permissions(track))
    Path("runs/mlflow").chmod(0o755)
    expect(ended.is_sentence and "Nothing is lost" in ended.text, ended.text)
    again = in_child(bound_by_permissions(track))
    expect(again.status == 0, again.text)
    return "a sentence, no stage fails, and the next upload brings all"
