"""What each ingredient of the recipe brings, on validation patients.

Reads   RUN/settings
Writes  RUN/ablation/, RUN/ablation.json
Run     make ablation
"""

import argparse
from pathlib import Path

import start  # noqa: F401
from pipeline.run.stage import open_stage
from pipeline.studies.ablation import ablation

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--full", action="store_true", help="the schedule of the config")
    given = parser.parse_args()
    with open_stage("ablation", given.run) as stage:
        print(f"ablation: {ablation(stage, seeds=given.seeds, full=given.full)}", flush=True)
