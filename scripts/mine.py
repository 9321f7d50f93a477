"""Find the worst false alarms on the training patients and train on with them.

Reads   RUN with a finished model
Writes  RUN/mined.csv, RUN/mined/
Run     make mine
"""

import argparse
from pathlib import Path

import start  # noqa: F401
from pipeline.run.stage import open_stage
from pipeline.studies.mine import mine_and_train

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=500, help="false alarms to add")
    given = parser.parse_args()
    with open_stage("mine", given.run) as stage:
        print(f"mine: {mine_and_train(stage, limit=given.limit)}", flush=True)
