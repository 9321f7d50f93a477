"""Write a small tree in the form of a public data set, with synthetic pixels.

Writes  data/examples/NAME
Run     make example DATASET=cbis_ddsm
"""

import argparse
import shutil
import sys
from pathlib import Path

import start  # noqa: F401
from pipeline.ingest.examples import MODULES, WITHOUT_SPACING, build_example
from pipeline.run.errors import UserError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--root", type=Path, help="the folder to write; data/examples/NAME")
    parser.add_argument("--women", type=int, default=12, help="four pictures each")
    parser.add_argument("--spacing-mm", type=float, default=0.2, help="of the pictures")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    root = given.root or Path("data/examples") / given.name
    try:
        _write(given.name, root, given.women, given.spacing_mm, given.seed)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    spacing = f" data.spacing_mm={given.spacing_mm:g}" if given.name in WITHOUT_SPACING else ""
    print(
        f"{root}: synthetic, in the form of {given.name}. Try it: make preprocess "
        f'CONFIG=configs/{given.name}.yaml SET="data.root={root}{spacing}"'
    )
    return 0


def _write(name: str, root: Path, women: int, spacing_mm: float, seed: int) -> None:
    """Write the tree as a whole or not at all.

    Raises:
        UserError: there is no such example, or something lies where it shall be written.
    """
    if name not in MODULES:
        raise UserError(f"There is no example {name}. DATASET is one of {', '.join(MODULES)}.")
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        raise UserError(f"{root} is there already. Delete it to write it anew.")
    print(f"drawing {4 * women} synthetic mammograms: about a second each", flush=True)
    unfinished = root.with_name(f".{root.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    build_example(name, unfinished, women=women, spacing_mm=spacing_mm, seed=seed)
    unfinished.replace(root)


if __name__ == "__main__":
    sys.exit(main())
