"""Do the work of one stage in a run folder.

Reads   RUN/settings and what the stage is made from
Writes  what docs/architecture.md and the stage's module say
Run     make ingest, intake, preprocess, train, heatmap, evaluate, calibrate
"""

import start
from pipeline.config.describe import settings_help
from pipeline.run.graph import STAGE_SECTIONS
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings
from pipeline.run.stage import run_stage
from pipeline.run.workers import is_helper


def stage(name: str, run: start.Run) -> None:
    """Do the work of the stage NAME."""
    if name == "train" and is_helper() and load_settings(RunFolder(run)).train.devices == "workers":
        import models  # noqa: F401 - TensorFlow, without its chatter
        from pipeline.train.helper import help_train

        help_train(run)
    else:
        run_stage(name, run)


stage.__doc__ = f"{stage.__doc__}{settings_help(STAGE_SECTIONS)}"

if __name__ == "__main__":
    start.command_line(stage)
