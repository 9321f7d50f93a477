"""Check CONFIG, SET, MODEL and INPUT and remember them in the run folder.

Reads   CONFIG, RUN/settings/run.yaml
Writes  RUN/settings/, each file only when its content changes
Run     make settings (every stage does it first)
"""

import argparse
import sys
from pathlib import Path

import start  # noqa: F401
from pipeline.run.configure import configure
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    for name in ("config", "set", "model", "input"):
        parser.add_argument(f"--{name}", default="")
    given = parser.parse_args()
    try:
        sentences = configure(
            RunFolder(given.run),
            config=given.config,
            set_text=given.set,
            model=given.model,
            input_root=given.input,
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    for sentence in sentences:
        print(sentence)
    return 0


if __name__ == "__main__":
    sys.exit(main())
