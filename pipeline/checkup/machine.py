"""Is this machine fit for a run: judged from what was found, without looking itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.checkup.decoding import Decodable
from pipeline.config import Settings
from pipeline.preprocess.store.fill import store_bytes

OK, NOTE, PROBLEM = "ok", "note", "problem"
PYTHONS = ((3, 11), (3, 13))
# Packages whose version changes what is read, learnt or logged.
PACKAGES = (
    *("tensorflow", "tensorflow-cpu", "keras", "numpy", "scipy", "scikit-learn"),
    *("opencv-python-headless", "pydicom", "imagecodecs", "blosc2", "mlflow"),
)
# Measured peaks: the training of EfficientNet-Lite0 and of the default network, a worker of
# preprocess with an image of 14 megapixels.
TRAINING_BYTES, SMALL_TRAINING_BYTES, WORKER_BYTES = 3.0e9, 1.0e9, 0.3e9
# A map, its overlay and its picture in the report; checkpoint and model.
_MAPPED_BYTES, _MODEL_BYTES = 0.8e6, 0.2e9
_FULL = 0.95


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        topic: heading that it belongs under.
        state: ok, note or problem.
        advice: what to do, "" where nothing is.
    """

    topic: str
    state: str
    text: str
    advice: str = ""


@dataclass(frozen=True)
class Folder:
    """A folder that a run uses, there or not.

    Attributes:
        role: what it is for.
        setting: what moves it elsewhere.
        device: number of its file system; folders on one share its free bytes.
        needed_bytes: estimate for the run.
        needed_for: what takes them.
    """

    role: str
    setting: str
    path: Path
    device: int
    free_bytes: float
    writable: bool
    needed_bytes: float = 0.0
    needed_for: str = ""


def decoding_checks(decodable: Sequence[Decodable]) -> list[Check]:
    """One check for each transfer syntax."""
    checks = []
    for found in decodable:
        name = f"{found.syntax.name.split(',')[0]} ({found.syntax})"
        if found.problem:
            advice = "Files in it will fail. Build the environment anew: rm -r .venv; make setup"
            checks.append(Check("Decoding", PROBLEM, f"{name}: {found.problem}", advice))
        else:
            checks.append(Check("Decoding", OK, f"{name}: {found.decoder}"))
    return checks


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
    own = ".".join(map(str, python))
    topic, advice = "Python", "Build the environment anew: rm -r .venv; make setup"
    if PYTHONS[0] <= python <= PYTHONS[1]:
        checks = [Check(topic, OK, f"Python {own}")]
    else:
        text = f"Python {own}, {first} to {last} is needed"
        checks = [Check(topic, PROBLEM, text, advice)]
    same = []
    for name in PACKAGES:
        if name not in locked or name not in installed:
            continue
        if installed[name] in locked[name]:
            same.append(f"{name} {installed[name]}")
        else:
            expected = " or ".join(sorted(locked[name]))
            text = f"{name} is {installed[name]}, the lock file says {expected}"
            checks.append(Check(topic, NOTE, text, advice))
    if same:
        checks.append(Check(topic, OK, f"as in the lock file: {', '.join(same)}"))
    return checks


def gpu_check(driver: Sequence[str], tensorflow: Sequence[str] | None) -> Check:
    """The GPUs of the NVIDIA driver against those that TensorFlow sees.

    Args:
        driver: lines of nvidia-smi -L, none without a driver.
        tensorflow: its names of GPUs, None where it cannot be imported.
    """
    if tensorflow is None:
        return Check(
            "GPU",
            PROBLEM,
            "TensorFlow cannot be imported",
            "Build the environment anew: rm -r .venv; make setup",
        )
    if tensorflow:
        seen = f"TensorFlow sees {len(tensorflow)}"
        return Check("GPU", OK, f"{'; '.join(driver) or ', '.join(tensorflow)}: {seen}")
    if driver:
        return Check(
            "GPU",
            PROBLEM,
            f"{'; '.join(driver)}: TensorFlow sees none of them",
            "The environment was built without the GPU: rm -r .venv; make setup",
        )
    return Check("GPU", NOTE, "none: the processor trains; mini-MIAS takes 17 minutes on 2 cores")


def memory_check(cores: int, available_bytes: float, *, workers: int) -> Check:
    """Cores, and memory against what training and the workers take."""
    needed = max(SMALL_TRAINING_BYTES, workers * WORKER_BYTES)
    text = (
        f"{cores} cores, {_gb(available_bytes)} of memory free; training takes "
        f"{_gb(SMALL_TRAINING_BYTES)} (EfficientNet-Lite0: {_gb(TRAINING_BYTES)}), {workers} "
        f"workers of preprocess about {_gb(workers * WORKER_BYTES)}"
    )
    if available_bytes < needed:
        advice = "Close other programs, or lower the number of workers: SET=dicom.workers=1"
        return Check("Cores and memory", PROBLEM, text, advice)
    enough = available_bytes >= TRAINING_BYTES
    advice = "" if enough else "Too little for EfficientNet-Lite0: use another network"
    return Check("Cores and memory", OK if enough else NOTE, text, advice)


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
        text = f"{folder.role} {folder.path}: {_gb(folder.free_bytes)} free"
        if folder.needed_bytes:
            text += f", about {_gb(folder.needed_bytes)} needed for {folder.needed_for}"
        sharing = [other for other in folders if other.device == folder.device]
        together = sum(other.needed_bytes for other in sharing)
        if not folder.writable:
            advice = f"Choose another folder with {folder.setting}, or mend its permissions"
            checks.append(Check(topic, PROBLEM, f"{text}; it cannot be written", advice))
        elif folder.needed_bytes and together > _FULL * folder.free_bytes:
            advice = f"Make room, choose a larger disk with {folder.setting}, or use data.limit"
            text += f" ({_gb(together)} by all on this disk)" if len(sharing) > 1 else ""
            checks.append(Check(topic, PROBLEM, text, advice))
        else:
            checks.append(Check(topic, OK, text))
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


def _gb(count: float) -> str:
    value = count / 1e9
    return f"{value:,.0f} GB" if value >= 10 else f"{value:.1f} GB"
