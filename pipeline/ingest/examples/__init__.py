"""Small trees in the form of a public data set, with the phantom's pixels.

For trying a configuration before downloading 160 GB, and for the tests. A new one is one file
with `build` and one line here. Everything synthetic says so in its patient names and comments
where the data set's own form has room for it, and in SYNTHETIC.txt beside the tree.
"""

import importlib
from pathlib import Path

from pipeline.ingest.examples.tree import Tree

MODULES = {
    name: f"pipeline.ingest.examples.{name}"
    for name in ("cbis_ddsm", "inbreast", "vindr", "rsna", "ddsm")
}
# All or some of their files carry no pixel spacing, as in the real set: data.spacing_mm gives it.
WITHOUT_SPACING = ("cbis_ddsm", "rsna")


def build_example(name: str, root: Path, *, patients: int, spacing_mm: float, seed: int) -> None:
    """Write the tree of a data set below `root`, which must be empty or absent.

    Args:
        name: one of MODULES.
        patients: number of patients, four pictures each.
        spacing_mm: pixel spacing of the pictures; coarser is faster.
        seed: of anatomy, lesions and noise.

    Raises:
        ValueError: there are too few patients for the form of this set.
    """
    tree = Tree(root, patients, spacing_mm, seed)
    importlib.import_module(MODULES[name]).build(tree)
    note = f"Synthetic pictures in the form of {name}: no patient, and nothing of the data set.\n"
    if name in WITHOUT_SPACING:
        note += "As in it, not all files carry their pixel spacing. "
        note += f"It is data.spacing_mm={spacing_mm:g}.\n"
    tree.write("SYNTHETIC.txt", note)
