"""Which code makes a result: the commit, and the files that a module imports, near and far."""

import ast
import datetime
import functools
import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.run.checksum import file_sha256, value_sha256

ROOT = Path(__file__).parents[2]
# What a module reads beside itself: templates and styles in its own folder.
_BESIDE = (".html", ".css", ".md")


# Files whose change is a change of the code. Settings are recorded by themselves; what else lies in
# the project's folder, such as data and notes of the user, changes no result.
_CODE = ("pipeline", "models", "scripts", "Makefile", "requirements*.lock")


@dataclass(frozen=True)
class Code:
    """Which code it is."""

    commit: str  # "" where it is not known
    dirty: bool = False  # whether files of the code differ from the commit, or are in none
    unknown: str = ""  # why the commit is not known

    @property
    def complaint(self) -> str:
        """A sentence for the user where git is there and refuses; else ""."""
        if not self.unknown or self.unknown == NO_GIT:
            return ""
        return (
            f"The commit of the code is not known and is recorded as unknown: {self.unknown} "
            f"(git -C {shlex.quote(str(ROOT))} status tells what git needs.)"
        )


NO_GIT = "the code lies in no git repository"


def code_state(root: Path = ROOT) -> Code:
    """The commit of the code, whether it differs from it, or why that is not known."""
    try:
        # Also tells the code apart that lies unversioned in a repository of something else.
        _run_git(root, "ls-files", "--error-unmatch", "pipeline/run/code.py")
        commit = _run_git(root, "rev-parse", "HEAD").strip()
        shown = _run_git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--", *_CODE)
    except FileNotFoundError:
        return Code("", unknown=NO_GIT)
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip()
        foreign = "not a git repository" in said or "did not match any file" in said
        return Code("", unknown=NO_GIT if foreign else said.split("\n")[0] or "git failed")
    except OSError as error:
        return Code("", unknown=str(error))
    entries = [entry for entry in shown.split("\0") if entry]
    own = [e for e in entries if not e.startswith("??") or e.endswith((".py", *_BESIDE))]
    return Code(commit, dirty=bool(own))


def git_commit() -> tuple[str, bool]:
    """Commit of the code and whether it differs from it; ("", False) where that is not known."""
    code = code_state()
    return code.commit, code.dirty


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
        return _run_git(ROOT, *words).strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _run_git(root: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", root, *words],
        check=True,
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, "LC_ALL": "C"},  # its messages are read
    )
    return done.stdout
