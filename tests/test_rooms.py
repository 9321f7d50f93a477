"""The rooms: imports run one way, nothing in a circle, each name once. Drawn from the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.run.code import ROOT, imported_files

# A room imports only rooms that stand before it.
ORDER = (
    *("config", "run", "figures", "pages", "dicom", "annotations", "ingest", "preprocess"),
    *("model", "drawing", "report", "train", "heatmap", "evaluate", "dicom_out", "model_out"),
    *("tracking", "studies", "checkup"),
)
# models/ knows the networks and nothing else; these use it.
USE_NETWORKS = {
    *("model", "train", "heatmap", "evaluate", "model_out", "tracking", "studies", "checkup"),
}
# Means the same thing wherever it stands: a package, the work of a stage, the tables of a stage.
SHARED_NAMES = {"__init__.py", "stage.py", "tables.py"}
# Below it each importer has a folder of its own, such as with its `pixels` and its `tables`.
IMPORTERS = ROOT / "pipeline" / "ingest"


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room(path: Path) -> str:
    top, *rest = path.relative_to(ROOT).parts
    return rest[0] if top == "pipeline" and len(rest) > 1 else top


def backward(path: Path) -> Iterator[str]:
    here = room(path)
    for other in imported_files(path):
        there = room(other)
        if here == "models" or there == "models":
            allowed = here == there or (there == "models" and here in USE_NETWORKS)
        elif "pipeline" in (here, there):  # its own __init__
            allowed = True
        else:
            allowed = ORDER.index(there) <= ORDER.index(here)
        if not allowed:
            yield f"{name(path)} imports {there}: {name(other)}"


def test_imports_run_one_way():
    found = {arrow for path in files("pipeline", "models") for arrow in backward(path)}
    assert sorted(found) == []


def test_every_room_has_its_place_in_the_order():
    there = {p.name for p in (ROOT / "pipeline").iterdir() if (p / "__init__.py").is_file()}
    assert there == set(ORDER)


def test_every_room_says_what_may_live_there():
    inits = [ROOT / "pipeline" / each / "__init__.py" for each in ORDER]
    silent = {name(p) for p in inits if not ast.get_docstring(ast.parse(p.read_text()))}
    assert sorted(silent) == []


def circles(paths: list[Path]) -> list[set[str]]:
    """The groups of files that import each other in a circle, by Tarjan's walk."""
    order: dict[Path, int] = {}
    lowest: dict[Path, int] = {}
    stack: list[Path] = []
    found: list[set[str]] = []

    def visit(path: Path) -> None:
        order[path] = lowest[path] = len(order)
        stack.append(path)
        for other in imported_files(path):
            if other not in order:
                visit(other)
            if other in stack:
                lowest[path] = min(lowest[path], lowest[other])
        if lowest[path] == order[path]:
            group = stack[stack.index(path) :]
            del stack[stack.index(path) :]
            if len(group) > 1:
                found.append({name(each) for each in group})

    for path in paths:
        if path not in order:
            visit(path)
    return found


def test_no_files_import_each_other_in_a_circle():
    found = {" and ".join(sorted(group)) for group in circles(files("pipeline", "models"))}
    assert sorted(found) == []


def test_a_file_name_occurs_once():
    by_name: dict[str, list[str]] = {}
    for path in files("pipeline", "models"):
        if path.name not in SHARED_NAMES and IMPORTERS not in path.parents[1:]:
            by_name.setdefault(path.name, []).append(name(path))
    twice = {file: paths for file, paths in by_name.items() if len(paths) > 1}
    assert twice == {}


def texts(path: Path) -> Iterator[str]:
    """The string constants of a file that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def test_the_description_of_a_model_is_named_in_one_module():
    found = {
        name(path)
        for path in files("pipeline", "models", "scripts")
        if any("model.json" in text for text in texts(path))
    }
    # Its path is one of a run folder's; pipeline/model/card.py reads and writes it.
    assert found == {"pipeline/run/layout.py"}


def test_what_catches_every_error_says_why():
    found: dict[str, list[str]] = {}
    for path in files("pipeline", "models", "scripts"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"except(\s*:|.*\b(Base)?Exception\b)", line):
                found.setdefault(name(path), []).append(line)
    assert sorted(found) == [
        "models/keras_backbone.py",
        "pipeline/model_out/exported_model.py",
        "pipeline/preprocess/store/fill.py",  # one input file
        "pipeline/run/cluster.py",
        "pipeline/run/errors.py",
        "pipeline/tracking/outage.py",
    ]
    assert all(len(lines) == 1 and "# " in lines[0] for lines in found.values())
