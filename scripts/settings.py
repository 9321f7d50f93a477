"""Check CONFIG, SET, MODEL and INPUT and remember them in the run folder.

Reads   CONFIG, RUN/settings/run.yaml
Writes  RUN/settings/, each file only when its content changes
Run     make settings (every stage does it first)
"""

import start
from pipeline.config.describe import settings_help
from pipeline.model.configure import configure
from pipeline.run.freshness import tell_make
from pipeline.run.graph import STAGE_SECTIONS
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
    folder = RunFolder(run)
    for sentence in configure(folder, config=config, overrides=overrides, model=model):
        print(sentence)
    tell_make(folder)


settings.__doc__ = f"{settings.__doc__}{settings_help(STAGE_SECTIONS)}"

if __name__ == "__main__":
    start.command_line(settings)
