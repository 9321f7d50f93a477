"""The machine that a result was made on."""

import os
import platform
import re
from pathlib import Path


def hardware() -> str:
    """Processor and number of cores, in words."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"
