"""Write a small tree in the form of a public data set, with synthetic pixels.

Writes  data/examples/NAME
Run     make example DATASET=cbis_ddsm
"""

import argparse
import sys
from pathlib import Path

import start  # noqa: F401
from pipeline.ingest.examples import MODULES, WITHOUT_SPACING, build_example


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(MODULES))
    parser.add_argument("--root", type=Path)
    parser.add_argument("--women", type=int, default=12)
    parser.add_argument("--spacing-mm", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    root = given.root or Path("data/examples") / given.name
    if root.is_dir() and any(root.iterdir()):
        print(f"{root} is there already. Delete it to write it anew.", file=sys.stderr)
        raise SystemExit(2)
    build_example(given.name, root, women=given.women, spacing_mm=given.spacing_mm, seed=given.seed)
    spacing = f" data.spacing_mm={given.spacing_mm:g}" if given.name in WITHOUT_SPACING else ""
    print(
        f"{root}: synthetic, in the form of {given.name}. Try it: make preprocess "
        f'CONFIG=configs/{given.name}.yaml SET="data.root={root}{spacing}"'
    )


if __name__ == "__main__":
    main()
