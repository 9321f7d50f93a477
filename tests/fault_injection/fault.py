"""The list of faults, how they are run one after the other, and what is written of them."""

import dataclasses
import random
import shutil
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.run.atomic import write_json
from tests.fault_injection.child import inside
from tests.fault_injection.small_set import Base

KILLS = 100


class NotSurvived(Exception):
    """What went wrong, or was lost, because of a fault."""


class Skipped(Exception):
    """Why a fault cannot be done on this machine."""


@dataclass(frozen=True)
class Outcome:
    """A line of faults.json.

    Attributes:
        survived: the run went on, or ended with a sentence, as it should; None: not tried.
        lost: what was lost beyond what the fault itself took away: results, files, metrics.
    """

    name: str
    survived: bool | None
    lost: int
    note: str


@dataclass(frozen=True)
class Place:
    """What a fault gets.

    Attributes:
        folder: empty, of its own; the current one while it runs.
        random: for its choices.
        kills: how often to kill, of all stages together.
    """

    folder: Path
    random: random.Random
    kills: int
    base_folder: Path

    @cached_property
    def base(self) -> Base:
        """A finished run on the small set, made once for all faults."""
        return Base(self.base_folder)


Harm = Callable[[Place], str]


@dataclass(frozen=True)
class Fault:
    """A fault by its name; `harm` does it and returns a note.

    Attributes:
        quick: a test has the time for it.
    """

    name: str
    harm: Harm
    quick: bool
    module: str


FAULTS: dict[str, Fault] = {}


def fault(name: str, *, quick: bool = False) -> Callable[[Harm], Harm]:
    """Put a function on the list."""

    def listed(harm: Harm) -> Harm:
        module = getattr(harm, "func", harm).__module__  # of a partial one
        FAULTS[name] = Fault(name, harm, quick, module)
        return harm

    return listed


def expect(holds: object, otherwise: str) -> None:
    """Raise NotSurvived unless something holds."""
    if not holds:
        raise NotSurvived(otherwise)


def run_faults(
    faults: Iterable[Fault], root: Path, *, kills: int = KILLS, seed: int = 0
) -> Iterator[tuple[Outcome, float]]:
    """Do faults, each in a fresh folder below `root`, and write root/faults.json after each.

    Yields:
        What became of it, and the seconds that it took.
    """
    root = root.resolve()
    base, outcomes = root / "base", []
    for each in faults:
        folder = root / "scratch"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        place = Place(folder, random.Random(f"{seed} {each.name}"), kills, base)
        started = time.monotonic()
        outcome = _outcome(each, place)
        outcomes.append(outcome)
        write_json(root / "faults.json", [dataclasses.asdict(one) for one in outcomes])
        yield outcome, time.monotonic() - started
    shutil.rmtree(root / "scratch", ignore_errors=True)
    shutil.rmtree(base, ignore_errors=True)


def _outcome(each: Fault, place: Place) -> Outcome:
    with inside(place.folder):
        try:
            return Outcome(each.name, True, 0, each.harm(place))
        except Skipped as why:
            return Outcome(each.name, None, 0, f"not tried: {why}")
        except NotSurvived as why:
            return Outcome(each.name, False, 1, " ".join(str(why).split()))
        except Exception as error:  # noqa: BLE001 - whatever a fault breaks is what is looked for
            traceback.print_exc()
            return Outcome(each.name, False, 1, f"{type(error).__name__}: {error}"[:500])
