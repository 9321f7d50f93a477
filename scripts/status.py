"""Say what is done in a run folder and what is older than its inputs, settings or code.

Reads   RUN, and names, sizes and times of the files in data.root
Run     make status
"""

import start
from pipeline.ingest.stage import older_than_data
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
    folder = RunFolder(run)
    for stage, sentence in status_of(folder, older=older_than_data(folder)):
        print(f"  {stage:<11} {sentence}")


if __name__ == "__main__":
    start.command_line(status)
