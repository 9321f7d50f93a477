"""The machine that a result was made on, and how much of its memory is free."""

import contextlib
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import psutil

_CONTAINER = Path("/sys/fs/cgroup")


def hardware() -> str:
    """Processor and number of cores, in words."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def free_memory_bytes(container: Path = _CONTAINER) -> int:
    """Memory that this process can still take: of the machine, and of its container's limit.

    Args:
        container: the control group's folder.
    """
    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):  # there is none, or its limit is "max"
        limit, used = (
            int((container / name).read_text()) for name in ("memory.max", "memory.current")
        )
        cached = re.search(r"^inactive_file (\d+)", (container / "memory.stat").read_text(), re.M)
        free = min(free, limit - used + (int(cached[1]) if cached else 0))
    return max(free, 0)


def free_gpu_bytes() -> int | None:
    """Memory that the fullest of the visible NVIDIA GPUs has free; None without an answer."""
    if not shutil.which("nvidia-smi"):
        return None
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    command += [f"--id={visible}"] if visible else []
    asked = subprocess.run(command, check=False, capture_output=True, text=True)
    mib = [int(line) for line in asked.stdout.split() if line.isdigit()]
    return min(mib) * 2**20 if mib and asked.returncode == 0 else None
