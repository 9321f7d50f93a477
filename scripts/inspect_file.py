"""Say what one file is and what would become of it, and show it.

Reads   FILE, CONFIG, RUN/settings/run.yaml, RUN/catalog/images.csv where the run has them
Writes  OUT/{picture.png,presentation.npy,stored.npy,inspection.json} where OUT is given
Run     make inspect FILE=path/to/mammogram.dcm
"""

from pathlib import Path

import start
from pipeline.checkup.inspection import inspect_file, known_file
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import given_overrides, joined


def inspect(
    file: str, run: start.Run, config: str = "", set: str = "", out: Path | None = None
) -> None:
    """Say what FILE is and what would become of it, and show it."""
    if not file:
        raise UserError("Name a file: make inspect FILE=path/to/mammogram.dcm")
    folder, path = RunFolder(run), Path(file)
    settings, _ = joined(folder, config=config, overrides=given_overrides(set))
    known = known_file(folder, path, settings)
    print(inspect_file(known, settings, folder=out).text())
    if out is None:
        print("  picture:          make inspect FILE=... OUT=folder writes it, and its arrays")


if __name__ == "__main__":
    start.command_line(inspect)
