"""Check CONFIG, SET, MODEL and INPUT and remember them in the run folder.

Reads   CONFIG, RUN/settings/run.yaml
Writes  RUN/settings/, each file only when its content changes
Run     make settings (every stage does it first)
"""

from pathlib import Path

import start
from pipeline.run.configure import Borrowed, configure
from pipeline.run.layout import RunFolder
from pipeline.run.settings import given_overrides


def settings(
    run: start.Run,
    config: str = "",
    set: str = "",
    model: str = "",
    input: str = "",
) -> None:
    """Check CONFIG, SET, MODEL and INPUT and remember them in the run folder."""
    overrides = given_overrides(set, input_root=input)
    for sentence in configure(
        RunFolder(run), config=config, overrides=overrides, model=model, borrow=_borrow
    ):
        print(sentence)


def _borrow(place: Path) -> Borrowed:
    from pipeline.model.card import borrow  # only where there is a model: it takes a second

    return borrow(place)


if __name__ == "__main__":
    start.command_line(settings)
