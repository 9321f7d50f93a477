"""Cross-validation by patient, judged over all folds together.

Reads   RUN/settings
Writes  RUN/folds/, RUN/crossval.json, RUN/crossval.html, RUN/crossval/
Run     make crossval FOLDS=4
"""

import argparse
from pathlib import Path

import start  # noqa: F401
from pipeline.run.stage import open_stage
from pipeline.studies.crossval import crossval

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--folds", type=int, required=True)
    given = parser.parse_args()
    with open_stage("crossval", given.run) as stage:
        print(f"crossval: {crossval(stage, folds=given.folds)}", flush=True)
