"""Is this machine fit for a run: what is found on it, and what that means."""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from pipeline.checkup.check import NOTE, OK, PROBLEM, Check
from pipeline.config import Settings
from pipeline.dicom.readable_syntaxes import Readable, readable_syntaxes
from pipeline.ingest.catalog import read_catalog
from pipeline.preprocess.store.fill import store_bytes
from pipeline.run.hardware import free_memory_bytes
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import default_workers
from pipeline.run.object_path import own_folder
from pipeline.run.scratch import scratch_folder
from pipeline.run.words import storage
from pipeline.tracking.client import LOCAL, is_local, tracking_uri, without_password

PYTHONS = ((3, 11), (3, 13))
# Packages whose version changes what is read, learnt or logged.
PACKAGES = (
    *("tensorflow", "tensorflow-cpu", "keras", "numpy", "scipy", "scikit-learn"),
    *("opencv-python-headless", "pydicom", "imagecodecs", "blosc2", "mlflow"),
)
WORKER_BYTES = 0.3e9  # measured peak of preprocess with an image of 14 megapixels
# A map, its overlay and its picture in the report; checkpoint and model.
_MAPPED_BYTES, _MODEL_BYTES = 0.8e6, 0.2e9
# Where a run has no catalog yet, the disk is judged for so many mammograms.
ASSUMED_IMAGES = 1000
_FULL = 0.95
_REBUILD = "Build the environment anew: rm -r .venv; make setup"
_PINNED = re.compile(r"^([\w.-]+)==([^\s;]+)", re.MULTILINE)


@dataclass(frozen=True)
class Folder:
    """A folder that a run uses, there or not."""

    role: str  # what it is for
    setting: str  # what moves it elsewhere
    path: Path
    device: int  # number of its file system; folders on one share its free bytes
    free_bytes: float
    writable: bool
    needed_bytes: float = 0.0  # estimate for the run
    needed_for: str = ""


def check_machine(run: RunFolder, settings: Settings, *, with_model: bool) -> list[Check]:
    """Look at this machine.

    Args:
        with_model: the model of another run maps all mammograms, not those of test patients.
    """
    images = len(read_catalog(run).images) if run.catalog.is_file() else None
    cores, workers = default_workers(), settings.dicom.workers
    free = free_memory_bytes()
    with scratch_folder() as folder:
        return [
            system_check(platform.system()),
            *decoding_checks(readable_syntaxes(folder)),
            *version_checks(sys.version_info[:2], _installed(), _locked()),
            gpu_check(_driver_gpus(), _tensorflow_gpus()),
            memory_check(cores, free, workers=cores if workers is None else max(workers, 1)),
            *_training_checks(settings),
            data_check(settings, is_there=settings.data.root.exists(), images=images),
            *folder_checks(_run_folders(run, settings, images, with_model=with_model)),
            *_tracking_checks(),
        ]


def system_check(system: str) -> Check:
    """Whether it is Linux: limits, locks and processes are asked of it in its own way."""
    if system == "Linux":
        return Check("System", OK, "Linux")
    advice = "Use a Linux machine, a container of Linux, or on Windows WSL (wsl --install)"
    return Check("System", PROBLEM, f"{system or 'unknown'}, Linux is needed", advice)


def decoding_checks(readable: Iterable[Readable]) -> list[Check]:
    """One check for each transfer syntax."""
    advice = f"Files in it will fail. {_REBUILD}"
    return [
        Check("Decoding", PROBLEM, f"{found.syntax}: {found.problem}", advice)
        if found.problem
        else Check("Decoding", OK, f"{found.syntax}: {found.decoder}")
        for found in readable
    ]


def version_checks(
    python: tuple[int, int], installed: Mapping[str, str], locked: Mapping[str, set[str]]
) -> list[Check]:
    """Python, and the packages that matter against the lock file.

    Args:
        installed: version by name of package.
        locked: versions in the lock file that the environment was built from, which may name
            several, for other Pythons and systems.
    """
    first, last = (".".join(map(str, version)) for version in PYTHONS)
    own = f"Python {'.'.join(map(str, python))}"
    if PYTHONS[0] <= python <= PYTHONS[1]:
        checks = [Check("Python", OK, own)]
    else:
        checks = [Check("Python", PROBLEM, f"{own}, {first} to {last} is needed", _REBUILD)]
    same = []
    for name in PACKAGES:
        if name not in locked or name not in installed:
            continue
        if installed[name] in locked[name]:
            same.append(f"{name} {installed[name]}")
        else:
            expected = " or ".join(sorted(locked[name]))
            text = f"{name} is {installed[name]}, the lock file says {expected}"
            checks.append(Check("Python", NOTE, text, _REBUILD))
    if same:
        checks.append(Check("Python", OK, f"as in the lock file: {', '.join(same)}"))
    return checks


def gpu_check(driver: Sequence[str], tensorflow: Sequence[str] | None) -> Check:
    """The GPUs of the NVIDIA driver against those that TensorFlow sees.

    Args:
        driver: lines of nvidia-smi -L, none without a driver.
        tensorflow: its names of GPUs, None where it cannot be imported.
    """
    if tensorflow is None:
        return Check("GPU", PROBLEM, "TensorFlow cannot be imported", _REBUILD)
    if tensorflow:
        seen = f"TensorFlow sees {len(tensorflow)}"
        return Check("GPU", OK, f"{'; '.join(driver) or ', '.join(tensorflow)}: {seen}")
    if driver:
        advice = "The environment was built without the GPU: rm -r .venv; make setup"
        text = f"{'; '.join(driver)}: TensorFlow sees none of them"
        return Check("GPU", PROBLEM, text, advice)
    return Check("GPU", NOTE, "none: the processor trains, for the minutes that README.md says")


def memory_check(cores: int, available_bytes: float, *, workers: int) -> Check:
    """Cores, and memory against what training and the workers take."""
    text = (
        f"{cores} cores, {storage(available_bytes)} of memory free; {workers} workers of "
        f"preprocess take about {storage(workers * WORKER_BYTES)}"
    )
    if available_bytes >= workers * WORKER_BYTES:
        return Check("Cores and memory", OK, text)
    advice = "Close other programs, or lower the number of workers: SET=dicom.workers=1"
    return Check("Cores and memory", PROBLEM, text, advice)


def _training_checks(settings: Settings) -> list[Check]:
    try:
        from pipeline.checkup.training_memory import training_check
    except ImportError:
        return []  # TensorFlow is missing, as the check of the GPU says
    return [training_check(settings)]


def needed_bytes(settings: Settings, images: int, *, mapped: int) -> dict[str, float]:
    """Estimates for a run, by role: store and run.

    Args:
        images: mammograms of the data set.
        mapped: those that get a heatmap.
    """
    return {
        "store": store_bytes(images, spacing_mm=settings.image.spacing_mm),
        "run": _MODEL_BYTES + mapped * _MAPPED_BYTES,
    }


def folder_checks(folders: Sequence[Folder], *, topic: str = "Disk") -> list[Check]:
    """Whether each can be written, and whether its file system holds what all of them need."""
    checks = []
    for folder in folders:
        text = f"{folder.role} {folder.path}: {storage(folder.free_bytes)} free"
        if folder.needed_bytes:
            text += f", about {storage(folder.needed_bytes)} needed for {folder.needed_for}"
        sharing = [other for other in folders if other.device == folder.device]
        together = sum(other.needed_bytes for other in sharing)
        state, advice = OK, ""
        if not folder.writable:
            state, text = PROBLEM, f"{text}; it cannot be written"
            advice = f"Choose another folder with {folder.setting}, or mend its permissions"
        elif folder.needed_bytes and together > _FULL * folder.free_bytes:
            state = PROBLEM
            text += f" ({storage(together)} by all on this disk)" if len(sharing) > 1 else ""
            advice = f"Make room, choose a larger disk with {folder.setting}, or use data.limit"
        checks.append(Check(topic, state, text, advice))
    return checks


def data_check(settings: Settings, *, is_there: bool, images: int | None) -> Check:
    """Whether data.root is there, or can be made.

    Args:
        images: mammograms in the catalog of the run, None before make ingest.
    """
    root = settings.data.root
    if images is not None:
        return Check("Data", OK, f"{root}: {images:,} mammograms, by the catalog of the run")
    if settings.data.importer == "phantom":
        made = settings.phantom.patients * 4
        return Check("Data", OK, f"{root}: {made} synthetic mammograms will be made")
    if not is_there:
        advice = 'Say where the data are: SET="data.root=path/to/data"'
        return Check("Data", PROBLEM, f"{root} is not there", advice)
    return Check("Data", NOTE, f"{root} is there; make ingest counts what is in it")


def verdict(checks: Sequence[Check]) -> str:
    """The last line: ready, or how many problems there are."""
    problems = sum(check.state == PROBLEM for check in checks)
    if not problems:
        return "Ready."
    return f"Not ready: {problems} {'problem' if problems == 1 else 'problems'}, see above."


def _run_folders(
    run: RunFolder, settings: Settings, images: int | None, *, with_model: bool
) -> list[Folder]:
    if images is None:
        phantom = settings.data.importer == "phantom"
        images = settings.phantom.patients * 4 if phantom else ASSUMED_IMAGES
    mapped = images if with_model else round(images * settings.split.test)
    needed = needed_bytes(settings, images, mapped=mapped)
    store, maps = f"{images:,} mammograms", f"a model and {mapped:,} heatmaps"
    return [
        _folder("store", "store.root", own_folder(settings.store.root), needed["store"], store),
        _folder("run", "RUN", run.root, needed["run"], maps),
    ]


def _folder(
    role: str, setting: str, path: Path, needed: float = 0.0, needed_for: str = ""
) -> Folder:
    """A folder, by what it is in or will be: the nearest one above it that is there."""
    there = next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())
    device, free = there.stat().st_dev, shutil.disk_usage(there).free
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    return Folder(role, setting, path, device, free, writable, needed, needed_for)


def _tracking_checks() -> list[Check]:
    if is_local():
        return folder_checks([_folder("results", "MLFLOW_TRACKING_URI", LOCAL)], topic="MLflow")
    server = without_password(tracking_uri())
    return [
        Check("MLflow", NOTE, f"results go to MLFLOW_TRACKING_URI={server}, which was not asked")
    ]


def _installed() -> dict[str, str]:
    return {
        found.metadata["Name"].lower().replace("_", "-"): found.version for found in distributions()
    }


def _locked() -> dict[str, set[str]]:
    """Versions in the lock file that the environment was built from; {} outside of it."""
    try:
        lock = Path((Path(sys.prefix) / "installed").read_text(encoding="utf-8").strip())
        text = lock.read_text(encoding="utf-8")
    except OSError:
        return {}
    versions: dict[str, set[str]] = {}
    for name, version in _PINNED.findall(text):
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
