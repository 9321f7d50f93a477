"""Two softmax units against one sigmoid, as people write them and matched.

Reads   RUN/settings
Writes  RUN/heads/, RUN/heads.json, RUN/heads.html
Run     make compare-heads
"""

import argparse
from pathlib import Path

import start  # noqa: F401
from pipeline.run.stage import open_stage
from pipeline.studies.heads import compare_heads

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--full", action="store_true", help="the schedule of the config")
    parser.add_argument("--kinds", action="store_true", help="also heads that tell kinds apart")
    given = parser.parse_args()
    with open_stage("compare-heads", given.run) as stage:
        verdict = compare_heads(stage, seeds=given.seeds, full=given.full, kinds=given.kinds)
        print(f"compare-heads: {verdict}", flush=True)
