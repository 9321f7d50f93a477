"""kill -9 and signals at random moments: the same command afterwards gives the same results."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.run.signals import SIGNALS
from pipeline.run.stage import run_stage
from tests.fault_injection.child import in_child
from tests.fault_injection.fault import Place, expect, fault
from tests.fault_injection.same_results import differences
from tests.fault_injection.small_set import RUN, stage

SECONDS_TO_END = 20.0  # after a signal


def check_same(place: Place, name: str, when: str) -> None:
    """Give the command of a stage once more, to its end, and compare what it leaves."""
    again = stage(name)
    expect(again.status == 0, f"{when}: the same command ended with {again.status}: {again.text}")
    found = differences(name, Path.cwd(), place.base.whole)
    expect(not found, f"{when}: other results than without: {', '.join(found[:4])}")


def _killed(place: Place, name: str) -> str:
    share = {"preprocess": 0.33, "train": 0.34, "heatmap": 0.33}[name]
    count, tried = round(place.kills * share), 0
    while tried < count:
        place.base.before(name)
        after = place.random.uniform(0, place.base.seconds_of(name))
        ended = stage(name, kill_after=after)
        if ended.status == 0:  # it was faster this time
            continue
        expect(ended.status == -signal.SIGKILL, f"ended with {ended.status}: {ended.text}")
        tried += 1
        check_same(place, name, f"kill {tried} after {after:.2f} s")
        if tried % 10 == 0:
            print(f"  {name}: {tried} of {count}", flush=True)
    return f"{count} of {count} kills: rerun identical"


for _name in ("preprocess", "train", "heatmap"):
    fault(f"kill -9 at random times: {_name}")(partial(_killed, name=_name))


def _dying_at(patched: str, name: str, call: int = 1) -> Callable[[], None]:
    """A stage that is killed when it calls a function for the so-many-th time."""

    def work() -> None:
        import importlib

        module, _, function = patched.rpartition(".")
        owner, count = importlib.import_module(module), [0]
        real = getattr(owner, function)

        def dies(*args, **options):
            count[0] += 1
            if count[0] == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **options)

        setattr(owner, function, dies)
        run_stage(name, RUN.root)

    return work


def _dies_between(place: Place, name: str, patched: str, calls: range = range(1, 2)) -> int:
    for call in calls:
        place.base.before(name)
        ended = in_child(_dying_at(patched, name, call))
        expect(ended.status == -signal.SIGKILL, f"{patched} was not called {call} times")
        check_same(place, name, f"killed at call {call} of {patched}")
    return len(calls)


@fault("kill between the weights and their description")
def _between_weights_and_card(place: Place) -> str:
    _dies_between(place, "train", "pipeline.model.folder.write_card")
    return "weights without a description: made anew, identical"


@fault("kill between the bytes of a checkpoint and its name")
def _within_a_checkpoint(place: Place) -> str:
    # The first file that is synced in a training is a checkpoint or what follows its end.
    count = _dies_between(place, "train", "os.fsync", range(2, 5))
    return f"{count} of {count} moments: identical"


@fault("kill between the target of a stage and its last files")
def _between_target_and_rest(place: Place) -> str:
    _dies_between(place, "train", "pipeline.train.stage.write_model_card")
    _dies_between(place, "heatmap", "pipeline.run.stage.write_manifest")
    _dies_between(place, "evaluate", "pipeline.evaluate.stage.write_report")
    return "model card, manifest and report are there afterwards, identical"


@fault("SIGTERM, SIGINT and SIGHUP in preprocess, train and heatmap")
def _signals(place: Place) -> str:
    slowest = 0.0
    for name in ("preprocess", "train", "heatmap"):
        for number in SIGNALS:
            place.base.before(name)
            after = 0.2 + place.random.uniform(0.1, 0.7) * place.base.seconds_of(name)
            ended = stage(name, kill_after=after, number=number)
            if ended.status == 0:  # it was faster this time
                continue
            expect(ended.status == 128 + number, f"{name}: {ended.status}: {ended.text}")
            expect("Traceback" not in ended.text, ended.text)
            expect(ended.seconds - after < SECONDS_TO_END, f"{name}: {ended.seconds - after} s")
            slowest = max(slowest, ended.seconds - after)
            check_same(place, name, number.name)
    return f"ended with 130, 143 and 129, the slowest after {slowest:.1f} s; identical afterwards"
