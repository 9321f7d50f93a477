"""Say what is done in a run folder and what is older than its inputs, settings or code.

Reads   RUN
Run     make status
"""

import start
from pipeline.run.freshness import status as status_of
from pipeline.run.layout import RunFolder


def status(run: start.Run) -> None:
    """Say what is done in a run folder and what is older than its inputs, settings or code."""
    print(run)
    for stage, sentence in status_of(RunFolder(run)):
        print(f"  {stage:<11} {sentence}")


if __name__ == "__main__":
    start.command_line(status)
