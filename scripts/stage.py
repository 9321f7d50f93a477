"""Do the work of one stage in a run folder.

Reads   RUN/settings and what the stage is made from
Writes  what docs/architecture.md and the stage's module say
Run     make ingest, intake, preprocess, train, heatmap, evaluate, calibrate
"""

import start
from pipeline.config.describe import settings_help
from pipeline.run.graph import STAGE_SECTIONS
from pipeline.run.stage import run_stage


def stage(name: str, run: start.Run) -> None:
    """Do the work of the stage NAME."""
    run_stage(name, run)


stage.__doc__ = f"{stage.__doc__}{settings_help(STAGE_SECTIONS)}"

if __name__ == "__main__":
    start.command_line(stage)
