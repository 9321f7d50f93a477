"""Speed as ratios, each against what a user would otherwise pick, measured in one run.

Reads   tests/benchmarks/bench_*.py
Writes  RUN/bench.json: name, ratio, target, met and more of each figure
Run     make bench (BENCH="names of its files"; GROWTH=2000 also the long one; KEEP=1)
"""

import argparse
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path

from pipeline.checkup.speed import KEPT, speed_line, speed_table
from pipeline.run.atomic import read_json, write_json
from pipeline.run.errors import UserError
from pipeline.run.hardware import hardware
from pipeline.run.layout import RunFolder
from tests.benchmarks.measure import Row

LONG = {"growth", "rows", "torch"}  # only when asked for


def chosen(words: str, *, growth: int) -> list[str]:
    """Names of the benchmarks that are meant.

    Raises:
        UserError: there are none.
    """
    names = sorted(
        path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")
    )
    wanted = words.split()
    found = [
        name
        for name in names
        if (name in wanted if wanted else name not in LONG or (growth and name == "growth"))
    ]
    if not found:
        raise UserError(f"BENCH={words} must name some of {', '.join(names)}.")
    return found


def measured(names: Sequence[str], repeats: int, *, growth: int) -> Iterator[Row]:
    """The figures of these benchmarks, one after the other."""
    for name in names:
        print(f"{name} ...", flush=True)
        rows = importlib.import_module(f"tests.benchmarks.bench_{name}").rows
        yield from rows(repeats, **({"most": growth} if growth and name == "growth" else {}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--name", default="", help="names of benchmarks, in one word")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--growth", type=int, default=0, help="also so many mammograms")
    parser.add_argument("--run", type=Path, default=Path("runs/default"))
    parser.add_argument("--keep", action="store_true", help=f"put the figures in {KEPT} as well")
    given = parser.parse_args()
    rows = {}
    names = chosen(given.name, growth=given.growth)
    for row in measured(names, given.repeats, growth=given.growth):
        print(speed_line(asdict(row) | {"met": row.met}), flush=True)
        today = {"date": date.today().isoformat(), "hardware": hardware()}
        rows[row.name] = {**asdict(row), "met": row.met, **today}
        write_json(RunFolder(given.run).bench, list(rows.values()))  # if a later one fails
    if given.keep:  # others stay, as they were measured
        kept = {row["name"]: row for row in read_json(KEPT) or []}
        write_json(KEPT, list((kept | rows).values()))
    print(speed_table(rows.values()))


if __name__ == "__main__":
    main()
