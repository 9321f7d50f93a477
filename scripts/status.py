"""Say what is done in a run folder and what is older than its inputs, settings or code.

Reads   RUN
Run     make status
"""

import start
from pipeline.run.freshness import status as status_of
from pipeline.run.layout import RunFolder


def status(run: start.Run, given: bool = False) -> None:
    """Say what is done in a run folder and what is older than its inputs, settings or code.

    With GIVEN, settings came along, which are not looked at.
    """
    print(run)
    if given:
        print("  as the run remembers it: SET, MODEL and INPUT are not looked at here; a stage")
        print("  that they are given to says what will be redone")
    for stage, sentence in status_of(RunFolder(run)):
        print(f"  {stage:<11} {sentence}")


if __name__ == "__main__":
    start.command_line(status)
