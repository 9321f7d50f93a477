"""Become a command that gets SIGTERM when its parent ends, however that does.

    child.py PARENT COMMAND...

PARENT is the number of the process that begins it: the command of one that was killed would go on
with nobody to keep what it makes. Linux does it, and asks for it in the child itself. By
`preexec_fn` Python would run there between fork and exec, where the locks of other threads may
hang it; here it is a process of its own until it becomes the command.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.run.signals import end_with

NOT_FOUND = 127  # as a shell says it


def main(parent: str, *command: str) -> int:
    """Returns the status only where the command cannot be begun."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores for itself
        signal.signal(number, signal.SIG_DFL)
    end_with(int(parent), signal.SIGTERM)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"keep: {command[0]} cannot be begun: {error.strerror}", file=sys.stderr)
    return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
