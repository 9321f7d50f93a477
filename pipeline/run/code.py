"""Which code makes a result: the commit, and the files that a module imports, near and far."""

import ast
import datetime
import functools
import subprocess
from pathlib import Path

from pipeline.run.checksum import file_sha256, value_sha256

ROOT = Path(__file__).parents[2]
# What a module reads beside itself: templates and styles in its own folder.
_BESIDE = (".html", ".css", ".md")


def git_commit() -> tuple[str, bool]:
    """Commit of the code and whether files differ from it; ("", False) outside git."""
    commit = _git("rev-parse", "HEAD")
    return (commit, bool(_git("status", "--porcelain"))) if commit else ("", False)


def provenance() -> dict[str, str]:
    """Commit of the code, marked where files differ from it, and today's date."""
    commit, dirty = git_commit()
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"commit": commit + ("-dirty" if dirty else ""), "date": today}


def changed_files(commit: str, files: frozenset[Path]) -> list[str]:
    """Those of the files that differ from a commit, relative to the project, sorted."""
    names = [str(file.relative_to(ROOT)) for file in files]
    return sorted((_git("diff", "--name-only", commit, "--", *names) or "").splitlines())


@functools.cache
def code_of(module: str) -> frozenset[Path]:
    """The project's files that a module is made of: its own and all that it imports.

    Read from the source, so an import inside a function counts and nothing is loaded. A module
    that is named as text counts too, as in a table of importers.

    Args:
        module: such as `pipeline.train.stage`.
    """
    waiting, files = [_file(module)], set()
    while waiting:
        file = waiting.pop()
        if file and file not in files:
            files.add(file)
            # The graph names all stages and is made of none of them.
            waiting += imported_files(file, named=file.name != "graph.py")
            files.update(p for p in file.parent.iterdir() if p.suffix in _BESIDE)
    return frozenset(files)


@functools.cache
def imported_files(file: Path, *, named: bool = False) -> frozenset[Path]:
    """The project's files that one file imports, anywhere in it; or also those it names as text."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            # A name of the package or a module in it, which then is the one that is meant.
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                modules.add(inner if _file(inner) else node.module)
        elif named and isinstance(node, ast.Constant) and str(node.value).startswith("pipeline."):
            modules.add(str(node.value))
    return frozenset(path for path in map(_file, modules) if path)


def code_sha256(module: str) -> str:
    """The code that a module is made of, as it lies there, committed or not, as a checksum."""
    files = sorted(code_of(module))
    return value_sha256({str(file.relative_to(ROOT)): file_sha256(file) for file in files})


def _file(module: str) -> Path | None:
    """The file of a module or package of this project; None for any other text."""
    names = module.split(".")
    if names[0] not in ("pipeline", "models") or not all(map(str.isidentifier, names)):
        return None
    path = ROOT.joinpath(*names)
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)


def _git(*words: str) -> str | None:
    """What git says about the project; None where there is no git or it refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", ROOT, *words], check=False, capture_output=True, text=True
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
