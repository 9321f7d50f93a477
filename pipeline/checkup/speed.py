"""What `make bench` measured: a line for each figure, and the page of the documentation."""

from collections.abc import Iterable, Mapping, Sequence
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

MONAI's sliding window and PyTorch are measured by `BENCH=torch`, in an environment of their own,
`.venv-torch`: a download of 3 GB that nothing else needs. What other engines for maps gave, and
what the parts of a crop and of preprocess take, stands in
[experiments](experiments.md#faster-maps).
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
    measured = f"Measured on: {'; '.join(machines)}."
    return "\n".join([_HEAD, _reached(rows), "", measured, "", speed_table(rows), ""])


def _reached(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many targets are reached, and which are not."""
    judged = [row for row in rows if row["met"] is not None]
    missed = [row for row in judged if not row["met"]]
    said = f"{len(judged) - len(missed)} of {len(judged)} targets are reached."
    lines = [f"- {row['name']}: {row['ratio']:.3g}, target {_target(row)}" for row in missed]
    return "\n".join([f"{said} Not reached:", "", *lines] if missed else [said])


def _target(row: Mapping[str, Any], *, before: str = "") -> str:
    if row["target"] is None:
        return ""
    return f"{before}{'at most' if row['at_most'] else 'at least'} {row['target']:g}"


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"
