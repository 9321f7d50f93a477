"""Calibrate a finished model anew on a site's own labelled patients.

Reads   the tables of heatmap of RUN, which uses the model of another run
Writes  RUN/model, RUN/calibrate.json
Run     make calibrate MODEL=runs/x INPUT=path/to/dicom RUN=runs/y
"""

import argparse
from pathlib import Path

import start  # noqa: F401
from pipeline.run.stage import open_stage
from pipeline.studies.calibrate import calibrate

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    given = parser.parse_args()
    with open_stage("calibrate", given.run) as stage:
        print(calibrate(stage), flush=True)
