"""Write a small tree in the form of a public data set, with synthetic pixels.

Writes  data/examples/NAME
Run     make example DATASET=cbis_ddsm
"""

import shlex
import shutil
from pathlib import Path

import start
from pipeline.ingest.examples import MODULES, WITHOUT_SPACING, build_example
from pipeline.run.errors import UserError


def example(
    name: str,
    root: Path | None = None,
    patients: int = 12,
    spacing_mm: float = 0.2,
    seed: int = 1,
) -> None:
    """Write a small tree in the form of the data set NAME, of four pictures for each patient.

    Raises:
        UserError: there is no such example, or something lies where it shall be written.
    """
    root = root or Path("data/examples") / name
    if name not in MODULES:
        raise UserError(f"There is no example {name}. DATASET is one of {', '.join(MODULES)}.")
    if root.exists() and not (root.is_dir() and not any(root.iterdir())):
        raise UserError(f"{root} is there already. Delete it to write it anew.")
    print(f"drawing {4 * patients} synthetic mammograms", flush=True)
    unfinished = root.with_name(f".{root.name}.unfinished")  # the tree is whole or not there at all
    shutil.rmtree(unfinished, ignore_errors=True)
    build_example(name, unfinished, patients=patients, spacing_mm=spacing_mm, seed=seed)
    unfinished.replace(root)
    spacing = f" data.spacing_mm={spacing_mm:g}" if name in WITHOUT_SPACING else ""
    print(
        f"{root}: synthetic, in the form of {name}. Try it: make preprocess "
        f'CONFIG=configs/{name}.yaml SET="data.root={shlex.quote(str(root))}{spacing}"'
    )


if __name__ == "__main__":
    start.command_line(example)
