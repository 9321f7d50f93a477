"""The project's code as a logged model carries it: under no name that another program could have.

Every import of the project's own is made relative, so that the folder can be loaded under a name
made from its content (patch_model.py), beside another version and beside modules of a host that
are called `models` or `pipeline` too.
"""

import ast
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("models", "pipeline")


def copy_code(folder: Path) -> list[Path]:
    """Copy the packages into a folder, with relative imports.

    Returns:
        The copies, one for each package.
    """
    for package in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignore)
    for path in folder.rglob("*.py"):
        depth = len(path.relative_to(folder).parent.parts)
        source = path.read_text(encoding="utf-8")
        path.write_text(relative_imports(source, depth=depth), encoding="utf-8")
    return [folder / package for package in PACKAGES]


def relative_imports(source: str, *, depth: int) -> str:
    """The source with the imports of the project's packages relative.

    Args:
        depth: how many folders below the packages' common folder the file lies.
    """
    lines = source.splitlines(keepends=True)
    dots = "." * (depth + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            if str(node.module).split(".")[0] in PACKAGES:
                _replace(lines, node, "from ", f"from {dots}")
        elif isinstance(node, ast.Import):
            for name in (a.name for a in node.names if a.name.split(".")[0] in PACKAGES):
                if name not in PACKAGES or len(node.names) > 1:
                    raise ValueError(f"import {name} must be written: from ... import ...")
                _replace(lines, node, "import ", f"from {dots} import ")
    return "".join(lines)


def _replace(lines: list[str], node: ast.stmt, old: str, new: str) -> None:
    line, begin = lines[node.lineno - 1], node.col_offset
    lines[node.lineno - 1] = line[:begin] + line[begin:].replace(old, new, 1)
