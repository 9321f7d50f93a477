"""dciodvfy of dicom3tools, the judge of DICOM files that the product writes."""

import shutil
import subprocess
from pathlib import Path

from tests.needed import is_missing


def verdict(file: Path | str) -> tuple[str, list[str]]:
    """The name of the IOD that it took a file for, and its errors; skips where it is missing."""
    if shutil.which("dciodvfy") is None:
        message = "dciodvfy is missing: apt install dicom3tools"
        is_missing(message)
    done = subprocess.run(["dciodvfy", file], capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    kind = next((line for line in lines if not line.startswith(("Error", "Warning"))), "")
    return kind, [line for line in lines if line.startswith("Error")]
