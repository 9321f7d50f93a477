"""Say what is done in a run folder and what is older than its inputs, settings or code.

Reads   RUN
Run     make status
"""

import argparse
from pathlib import Path

import start  # noqa: F401
from pipeline.run.layout import RunFolder
from pipeline.run.status import status

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    run = RunFolder(parser.parse_args().run)
    print(run.root)
    for stage, sentence in status(run):
        print(f"  {stage:<11} {sentence}")
