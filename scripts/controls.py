"""Check what must hold whatever the network is worth; status 1 where it does not.

Reads   RUN after heatmap
Writes  RUN/controls/, RUN/controls.json, RUN/report.html
Run     make controls
"""

import argparse
import sys
from pathlib import Path

import start  # noqa: F401
from pipeline.run.stage import open_stage
from pipeline.studies.controls import controls_text, failed, run_controls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--full", action="store_true", help="the schedule of the config")
    given = parser.parse_args()
    with open_stage("controls", given.run) as stage:
        controls = run_controls(stage, full=given.full)
        print(controls_text(controls), flush=True)
    return 1 if failed(controls) else 0


if __name__ == "__main__":
    sys.exit(main())
