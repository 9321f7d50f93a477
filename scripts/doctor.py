"""Say what can be decoded here, and whether packages, GPU, memory and disk suffice for a run.

Reads   CONFIG, RUN/settings/run.yaml, RUN/catalog/images.csv where the run has them
Writes  nothing
Run     make doctor
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

import psutil
from rich.console import Console

import start
from pipeline.checkup import machine
from pipeline.checkup.context import settings_for
from pipeline.checkup.decoding import check_decoding
from pipeline.config import Settings
from pipeline.ingest.catalog import read_catalog
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import default_workers
from pipeline.tracking.client import LOCAL

# Where a run has no catalog yet, the disk is judged for so many mammograms.
ASSUMED_IMAGES = 1000
_PINNED = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)
_MARKS = {
    machine.OK: "[green]ok     [/]",
    machine.NOTE: "[yellow]note   [/]",
    machine.PROBLEM: "[bold red]PROBLEM[/]",
}


def doctor(
    run: start.Run, config: str = "", set: str = "", model: str = "", input: str = ""
) -> int:
    """Say what can be decoded here, and whether this machine suffices for a run."""
    folder = RunFolder(run)
    settings = settings_for(folder, config=config, set_text=set, input_root=input)
    console = Console(highlight=False, soft_wrap=True)
    console.print("Looking, 10 to 20 seconds: TensorFlow has to start.")
    checks = found(folder, settings, judged_elsewhere=bool(model))
    topic = ""
    for check in checks:
        if check.topic != topic:
            topic = check.topic
            console.print(f"\n[bold]{topic}[/]")
        console.print(f"  {_MARKS[check.state]} ", end="")
        console.print(check.text, markup=False)
        if check.advice:
            console.print(f"          {check.advice}.", markup=False)
    console.print(f"\n{machine.verdict(checks)}")
    return int(any(check.state == machine.PROBLEM for check in checks))


def found(run: RunFolder, settings: Settings, *, judged_elsewhere: bool) -> list[machine.Check]:
    """Look at this machine."""
    with tempfile.TemporaryDirectory() as folder:
        decodable = check_decoding(Path(folder))
    workers = settings.dicom.workers or default_workers()
    images = len(read_catalog(run).images) if run.catalog.is_file() else None
    return [
        *machine.decoding_checks(decodable),
        *machine.version_checks(sys.version_info[:2], _installed(), _locked()),
        machine.gpu_check(_driver_gpus(), _tensorflow_gpus()),
        machine.memory_check(default_workers(), psutil.virtual_memory().available, workers=workers),
        machine.data_check(settings, is_there=settings.data.root.exists(), images=images),
        *machine.folder_checks(_folders(run, settings, images, judged_elsewhere=judged_elsewhere)),
        *_tracking(),
    ]


def _folders(
    run: RunFolder, settings: Settings, images: int | None, *, judged_elsewhere: bool
) -> list[machine.Folder]:
    if images is None:
        phantom = settings.data.importer == "phantom"
        images = settings.phantom.patients * 4 if phantom else ASSUMED_IMAGES
    mapped = images if judged_elsewhere else round(images * settings.split.test)
    needed = machine.needed_bytes(settings, images, mapped=mapped)
    return [
        _folder(
            "store", "store.root", settings.store.root, needed["store"], f"{images:,} mammograms"
        ),
        _folder("run", "RUN", run.root, needed["run"], f"a model and {mapped:,} heatmaps"),
    ]


def _folder(
    role: str, setting: str, path: Path, needed_bytes: float = 0.0, needed_for: str = ""
) -> machine.Folder:
    there = _existing(path)
    return machine.Folder(
        role=role,
        setting=setting,
        path=path,
        device=there.stat().st_dev,
        free_bytes=shutil.disk_usage(there).free,
        writable=there.is_dir() and os.access(there, os.W_OK | os.X_OK),
        needed_bytes=needed_bytes,
        needed_for=needed_for,
    )


def _existing(path: Path) -> Path:
    """The path, or the nearest one above it that is there."""
    return next(there for there in (path.absolute(), *path.absolute().parents) if there.exists())


def _tracking() -> list[machine.Check]:
    server = os.environ.get("MLFLOW_TRACKING_URI")
    if server:
        text = f"results go to MLFLOW_TRACKING_URI={server}, which was not asked"
        return [machine.Check("MLflow", machine.NOTE, text)]
    folder = _folder("results", "MLFLOW_TRACKING_URI", LOCAL)
    return machine.folder_checks([folder], topic="MLflow")


def _installed() -> dict[str, str]:
    return {
        found.metadata["Name"].lower().replace("_", "-"): found.version for found in distributions()
    }


def _locked() -> dict[str, set[str]]:
    """Versions in the lock file that the environment was built from; {} outside of it."""
    named = Path(sys.prefix) / "installed"
    lock = Path(named.read_text(encoding="utf-8").strip()) if named.is_file() else None
    if lock is None or not lock.is_file():
        return {}
    versions: dict[str, set[str]] = {}
    for name, version in _PINNED.findall(lock.read_text(encoding="utf-8")):
        versions.setdefault(name, set()).add(version)
    return versions


def _driver_gpus() -> list[str]:
    """Lines such as "GPU 0: NVIDIA H200"; none without an NVIDIA driver."""
    if not shutil.which("nvidia-smi"):
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], check=False, capture_output=True, text=True)
    lines = listed.stdout.splitlines() if listed.returncode == 0 else []
    return [line.split(" (UUID")[0] for line in lines if line.startswith("GPU")]


def _tensorflow_gpus() -> list[str] | None:
    try:
        import models  # noqa: F401 - TensorFlow, without its chatter
    except ImportError:
        return None
    import tensorflow as tf

    return [gpu.name for gpu in tf.config.list_physical_devices("GPU")]


if __name__ == "__main__":
    start.command_line(doctor)
