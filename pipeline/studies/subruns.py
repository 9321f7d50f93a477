"""Runs of a study: run folders below that of the study, each made by the ordinary targets."""

import os
import subprocess
from pathlib import Path

from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered

# They belong to the make that started the study, and would change the inner one: what the user
# gave it stands in the environment of its recipes.
_OF_THE_OUTER_MAKE = (
    *("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"),
    *(
        "RUN",
        "CONFIG",
        "SET",
        "MODEL",
        "INPUT",
        "FORCE",
        "SEEDS",
        "FOLDS",
        "SCHEDULE",
        "KINDS",
        "LIMIT",
    ),
)


def make(target: str, run: RunFolder, said: Remembered, overrides: dict[str, str]) -> None:
    """`make TARGET` on a run folder with the study's CONFIG and SET and some more settings.

    Make knows what is done, so a study that was interrupted goes on where it was.

    Raises:
        UserError: make failed; it has said why.
    """
    words = " ".join(f"{name}={value}" for name, value in {**said.overrides, **overrides}.items())
    command = ["make", target, f"RUN={run.root}", f"CONFIG={said.config}", f"SET={words}", "MODEL="]
    environment = {k: v for k, v in os.environ.items() if k not in _OF_THE_OUTER_MAKE}
    done = subprocess.run(command, cwd=Path.cwd(), env=environment, check=False)
    if done.returncode:
        raise UserError(
            f"make {target} RUN={run.root} ended with status {done.returncode}; the reason stands "
            "above. The same command goes on from there."
        )
