"""Do the work of one stage in a run folder.

Reads   RUN/settings and what the stage is made from
Writes  what docs/architecture.md and the stage's module say
Run     make ingest, intake, preprocess, train, heatmap, evaluate, calibrate
"""

import start
from pipeline.run.stage import run_stage


def stage(name: str, run: start.Run) -> None:
    """Do the work of the stage NAME."""
    run_stage(name, run)


if __name__ == "__main__":
    start.command_line(stage)
