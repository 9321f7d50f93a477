"""All benchmarks of this folder, one after the other.

Reads   tests/benchmarks/bench_*.py
Writes  docs/results/bench.json, or PATH of --json
Run     python -m tests.benchmarks [--repeats 15] [--json PATH]
"""

import argparse
import importlib
from datetime import date
from pathlib import Path

from pipeline.run.atomic import json_text, write_text
from pipeline.run.hardware import hardware

KEPT = Path("docs/results/bench.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path, default=KEPT, help="where to keep the figures")
    given = parser.parse_args()
    results = {}
    for module in sorted(Path(__file__).parent.glob("bench_*.py")):
        name = module.stem.removeprefix("bench_")
        print(f"{name} ...", flush=True)
        results[name] = importlib.import_module(f"tests.benchmarks.{module.stem}").bench(
            given.repeats
        )
    kept = {"hardware": hardware(), "date": date.today().isoformat(), "results": results}
    write_text(given.json, json_text(kept))
    print(f"{given.json}: {', '.join(results)}")


if __name__ == "__main__":
    main()
