"""Speed as ratios, each against what a user would otherwise pick, measured in one run.

Reads   tests/benchmarks/bench_*.py
Writes  OUT/bench.json, runs/bench by default: name, ratio, target, met of each figure
Run     make bench (BENCH=words of the names of its files; GROWTH=1 also the long one; KEEP=1)
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
from tests.benchmarks.measure import Row

LONG = {"growth"}  # only when asked for


def chosen(words: str, *, growth: bool) -> list[str]:
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
        if (name in wanted if wanted else True) and (growth or name in wanted or name not in LONG)
    ]
    if not found:
        raise UserError(f"BENCH={words} must name some of {', '.join(names)}.")
    return found


def measured(names: Sequence[str], repeats: int) -> Iterator[Row]:
    """The figures of these benchmarks, one after the other."""
    for name in names:
        print(f"{name} ...", flush=True)
        yield from importlib.import_module(f"tests.benchmarks.bench_{name}").rows(repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--name", default="", help="names of benchmarks, in one word")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--growth", action="store_true", help="also the one that takes an hour")
    parser.add_argument("--out", type=Path, default=Path("runs/bench"))
    parser.add_argument("--keep", action="store_true", help=f"put the figures in {KEPT} as well")
    given = parser.parse_args()
    rows = {}
    for row in measured(chosen(given.name, growth=given.growth), given.repeats):
        print(speed_line(asdict(row) | {"met": row.met}), flush=True)
        today = {"date": date.today().isoformat(), "hardware": hardware()}
        rows[row.name] = {**asdict(row), "met": row.met, **today}
        write_json(given.out / "bench.json", list(rows.values()))  # if a later one fails
    if given.keep:  # others stay, as they were measured
        kept = {row["name"]: row for row in read_json(KEPT) or []}
        write_json(KEPT, list((kept | rows).values()))
    print(speed_table(rows.values()))


if __name__ == "__main__":
    main()
