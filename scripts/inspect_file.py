"""Say what one file is and what would become of it, and show it.

Reads   FILE, CONFIG, RUN/settings/run.yaml, RUN/catalog/images.csv where the run has them
Writes  runs/inspect/NAME/{picture.png,presentation.npy,stored.npy,inspection.json}
Run     make inspect FILE=path/to/mammogram.dcm
"""

import argparse
import sys
from pathlib import Path

import start  # noqa: F401
from pipeline.checkup.context import known_file, settings_for
from pipeline.checkup.file import inspect_file, inspection_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--run", type=Path, required=True)
    for name in ("config", "set", "out"):
        parser.add_argument(f"--{name}", default="")
    given = parser.parse_args()
    if not given.file:
        print("Name a file: make inspect FILE=path/to/mammogram.dcm", file=sys.stderr)
        return 2
    run, file = RunFolder(given.run), Path(given.file)
    folder = Path(given.out) if given.out else Path("runs/inspect") / file.stem
    try:
        settings = settings_for(run, config=given.config, set_text=given.set)
        known = known_file(run, file, settings)
        seen = inspect_file(known, settings, folder=folder)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(inspection_text(seen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
