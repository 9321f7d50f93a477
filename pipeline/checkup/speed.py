"""What `make bench` measured: a line for each figure, and the page of the documentation."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipeline.run.atomic import read_json

KEPT = Path("docs/results/bench.json")
_HEAD = """# Speed

`make bench` measures what the pipeline does beside what one would otherwise pick, in one run on
one machine, and writes `RUN/bench.json`. A figure is a ratio of processor times, so it moves
little with the machine and with other work on it: the ways take turns, the median of the repeats
counts, the quartiles stand beside it, then the ratio of wall times. `BENCH="crops maps"` measures
only what those files of `tests/benchmarks` have; `GROWTH=2000` also how time and memory grow from
100 to so many mammograms. This page is made of `docs/results/bench.json`, which `make bench KEEP=1`
writes.

MONAI's sliding window and PyTorch are not among them: PyTorch is a download of hundreds of
megabytes, and nothing else here needs it. What other engines for maps gave stands in
[experiments](experiments.md#faster-maps). Crops, preprocess beside its decoding and training beside
Keras fit do not reach their targets here: what is left of a crop is the cubic warp and the decoding
of its blocks, of preprocess the search for the breast and the resampling.
"""
_MARKS = {True: "yes", False: "**no**", None: ""}


def speed_line(row: Mapping[str, Any]) -> str:
    """One figure in words."""
    met = {True: "met", False: "NOT met", None: "stated"}[row["met"]]
    return f"{row['name']}: {row['ratio']:.3g}{_target(row, before=', target ')} ({met})"


def speed_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The figures as a table of Markdown."""
    lines = [
        "| what | ratio | quartiles | wall | target | met | processor time, note |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["quartiles"] or (None, None)
        spread = "" if low is None else f"{low:.3g} to {high:.3g}"
        wall = "" if row["wall_ratio"] is None else f"{row['wall_ratio']:.3g}"
        times = ", ".join(f"{way} {_seconds(value)}" for way, value in row["seconds"].items())
        note = "; ".join(filter(None, (times, row["note"])))
        cells = (row["name"], f"{row['ratio']:.3g}", spread, wall, _target(row))
        lines.append(f"| {' | '.join((*cells, _MARKS[row['met']], note))} |")
    return "\n".join(lines)


def speed_markdown(kept: Path = KEPT) -> str:
    """The page, from the figures that are kept."""
    rows = read_json(kept) or []
    machines = sorted({f"{row['hardware']}, {row['date']}" for row in rows})
    return "\n".join([_HEAD, f"Measured on: {'; '.join(machines)}.", "", speed_table(rows), ""])


def _target(row: Mapping[str, Any], *, before: str = "") -> str:
    if row["target"] is None:
        return ""
    return f"{before}{'at most' if row['at_most'] else 'at least'} {row['target']:g}"


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"
