"""Two evaluated runs on the same mammograms: every figure and its difference, paired.

Reads   both run folders
Writes  FIRST/compare-<second>.json
Run     make compare RUNS="runs/a runs/b"
"""

import argparse
import sys
from pathlib import Path

import start  # noqa: F401
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings
from pipeline.studies.compare import compare, comparison_text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="*")
    runs = [RunFolder(root) for root in parser.parse_args().runs]
    try:
        if len(runs) != 2:
            raise UserError('Name two run folders: make compare RUNS="runs/a runs/b".')
        content = compare(*runs, load_settings(runs[0]).evaluate)
    except UserError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    print(comparison_text(content))
    return 0


if __name__ == "__main__":
    sys.exit(main())
