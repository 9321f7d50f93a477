"""Two commands at once, old locks, wrong clocks, settings that change between and within stages."""

import os
import signal
import socket
import time
from functools import partial
from pathlib import Path

from pipeline.run.errors import UserError
from pipeline.run.freshness import is_done, tell_make
from pipeline.run.graph import GRAPH
from pipeline.run.lock import locked
from pipeline.run.stage import run_stage
from tests.fault_injection.child import in_child
from tests.fault_injection.fault import Place, expect, fault
from tests.fault_injection.kills import check_same
from tests.fault_injection.same_results import differences
from tests.fault_injection.small_set import RUN, has_begun_to_train, set_up, stage, write_films

_DAY_NS = 86_400 * 10**9


def _hold(marker: Path) -> None:
    with locked(RUN):
        marker.write_text("held")
        time.sleep(600)


@fault("two runs on one folder, and a stale lock", quick=True)
def _two_runs(place: Place) -> str:
    write_films(Path("data/films"))
    set_up(more="dicom.workers=0")
    marker, child = Path("marker"), os.fork()
    if child == 0:
        try:
            _hold(marker)
        finally:
            os._exit(1)
    while not marker.exists():
        time.sleep(0.01)
    before = RUN.stage_settings("train").read_bytes()
    refused = in_child(partial(run_stage, "ingest", RUN.root))
    try:
        set_up(more="dicom.workers=0 train.seed=5")
        expect(False, "settings changed while another process held the folder")
    except UserError as error:
        expect("in use" in str(error), str(error))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    expect(refused.is_sentence and f"in use by process {child}" in refused.text, refused.text)
    expect(RUN.stage_settings("train").read_bytes() == before, "the settings changed")
    # Its holder is dead, or of another machine: what stands in the file is for people.
    for stale in (f"{child} on {socket.gethostname()}", "1 on another-machine"):
        RUN.lock.write_text(stale)
        ended = in_child(partial(run_stage, "ingest", RUN.root))
        expect(ended.status == 0, f"stale lock: {ended.text}")
    return "the second is refused and changes nothing; a lock ends with its process"


def _shift(days: int) -> None:
    """As if the clock had been so many days ahead when all was made."""
    for path in (*Path("runs").rglob("*"), *Path("data").rglob("*")):
        status = path.lstat()
        times = status.st_atime_ns, status.st_mtime_ns + days * _DAY_NS
        os.utime(path, ns=times, follow_symlinks=False)


@fault("clock a day back and forward")
def _clock(place: Place) -> str:
    for days in (1, -1):
        place.base.before("evaluate")
        _shift(days)
        node, when = GRAPH["heatmap"], f"clock moved by {-days} days"
        expect(is_done(node, RUN), f"{when}: what is done counts as not done")
        set_up(more="heatmap.prior=0.3")
        tell_make(RUN)
        expect(not is_done(node, RUN), f"{when}: new settings, and the maps count as done")
        settings, target = RUN.stage_settings("heatmap"), RUN.heatmap_summary
        expect(settings.stat().st_mtime > target.stat().st_mtime, f"{when}: Make does not see it")
        changed = stage("heatmap")
        expect(changed.status == 0 and is_done(node, RUN), f"{when}: {changed.text}")
        found = differences("heatmap", Path.cwd(), place.base.whole)
        expect(found, f"{when}: another prior gave the same results")
        set_up(more="heatmap.prior=")
        expect(not is_done(node, RUN), f"{when}: settings changed back, and the maps count as done")
        check_same(place, "heatmap", when)
    return "changed settings are seen, what was redone is done; identical with those of before"


@fault("settings changed between stages and in a half-done training")
def _settings(place: Place) -> str:
    place.base.before("train")
    begun = stage("train", kill_when=has_begun_to_train, number=15)
    expect(begun.status == 128 + signal.SIGTERM, begun.text)
    set_up(more="network.width=8")
    other = stage("train")
    expect(other.status == 0 and "had other network settings" in other.text, other.text)
    found = differences("train", Path.cwd(), place.base.whole)
    expect(found, "a wider network gave the same weights")
    set_up(more="network.width=4")
    expect(not is_done(GRAPH["train"], RUN), "the model of other settings counts as done")
    check_same(place, "train", "with the settings of before")
    return "a checkpoint of other settings is set aside by name; identical with those of before"
