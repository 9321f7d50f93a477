"""Brings run folders into MLflow, all at once, each in a process of its own.

Reads   run folders
Writes  RUN/said, what each was told; "" where all of it is there
Run     python -m tests.scale.senders RUN ...
"""

import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.run.layout import RunFolder
from pipeline.tracking import pyfunc
from pipeline.tracking.client import quiet_environment
from pipeline.tracking.outage import attempted
from pipeline.tracking.upload import upload


def at_once(works: list[Callable[[], object]]) -> None:
    """Do each in a process of its own and wait for all; raises where one fails."""
    children = []
    for work in works:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work()
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert not any(ends), ends


def send(folder: Path) -> None:
    """As scripts/track.py does."""
    run = RunFolder(folder)
    said = attempted(partial(upload, run), folder)
    (folder / "said").write_text(said, encoding="utf-8")


def main() -> None:
    quiet_environment()
    from mlflow.models import utils

    from pipeline.tracking import sender  # noqa: F401 - once, for all

    folders = [Path(word) for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as scratch:
        # All the code of a model is 300 files, and each of them takes a request; to try the model
        # is another test's.
        example, code = pyfunc.example_file(Path(scratch)), Path(scratch) / "code"
        code.mkdir()
        (code / "part.py").write_text("", encoding="ascii")
        pyfunc.example_file, pyfunc.copy_code = (lambda _: example), (lambda _: [code])
        utils._validate_serving_input = lambda **_: None
        at_once([partial(send, folder) for folder in folders])


if __name__ == "__main__":
    main()
