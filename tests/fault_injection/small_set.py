"""The data and the run that faults are done to: small films, a network that is soon trained."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.dicom.write import wrap_as_dicom
from pipeline.model.configure import configure
from pipeline.run.code import ROOT
from pipeline.run.layout import RunFolder
from pipeline.run.settings import parse_set
from pipeline.run.stage import run_stage
from tests.fault_injection.child import Ended, in_child, inside

SPACING_MM = 0.8
WOMEN = 8
SETTINGS = (
    "data.importer=dicom data.root=data/films data.pseudonyms=false image.spacing_mm=0.8 "
    "dicom.workers=1 dicom.max_lost_share=1 network.backbone=valid network.weights=none "
    "network.patch_mm=25.6 network.width=4 train.epochs=2 train.steps_per_epoch=6 train.batch=2 "
    "train.crop_mm=51.2 train.warmup_steps=1 train.members=1 train.deterministic=true "
    "train.readers=1 train.precision=float32 train.checkpoint_seconds=1 maps.pitch_mm=3.2 "
    "evaluate.bootstrap=10"
)
RUN = RunFolder(Path("runs/small"))
STAGES = ("ingest", "preprocess", "train", "heatmap", "evaluate")
SPLITS = ("train", "train", "train", "train", "validation", "validation", "test", "test")


def film(seed: int) -> np.ndarray:
    """A breast of 200 x 100 pixels on the left, with noise that differs from film to film."""
    rows, cols = np.mgrid[:220, :160]
    inward = 1 - np.hypot((rows - 110) / 100, cols / 100)
    light = np.where(inward > 0, 1000 + 2000 * inward, 100)
    noise = np.random.default_rng([5, seed]).normal(0, 20, light.shape)
    return np.clip(light + noise, 0, 4095).astype(np.uint16)


def write_film(path: Path, pixels: np.ndarray, woman: str) -> Path:
    """Write a film as DICOM."""
    names = {"image_id": path.stem, "patient_id": woman, "laterality": "L", "view": "CC"}
    wrap_as_dicom(pixels, path, **names, spacing_mm=SPACING_MM)
    return path


def write_films(
    root: Path,
    *,
    women: int = WOMEN,
    abnormal: Callable[[int], bool] = lambda number: number % 2 == 0,
) -> Path:
    """Two films of each woman, with a mass on those of every second one, and their tables.

    Args:
        abnormal: whether the woman of a number has one.
    """
    findings, split = ["file,kind,row,col,radius"], ["patient_id,split"]
    for number in range(women):
        split.append(f"w{number},{SPLITS[number % len(SPLITS)]}")
        for second in (0, 1):
            pixels, name = film(2 * number + second), f"w{number}-{second}.dcm"
            if abnormal(number):
                row, col = 70 + 9 * number, 40 + 20 * second
                rows, cols = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
                pixels[np.hypot(rows - row, cols - col) < 10] = 3800
                findings.append(f"{name},mass,{row},{col},10")
            else:
                findings.append(f"{name},normal,,,")
            write_film(root / name, pixels, f"w{number}")
    (root / "findings.csv").write_text("\n".join(findings) + "\n", encoding="utf-8")
    (root / "split.csv").write_text("\n".join(split) + "\n", encoding="utf-8")
    return root


def set_up(run: RunFolder = RUN, *, more: str = "", model: str = "") -> None:
    """Write the settings of a run on data/films.

    Args:
        more: further settings, as SET gives them.
    """
    config = str(ROOT / "configs" / "dicom.yaml")
    configure(run, config=config, overrides=parse_set(f"{SETTINGS} {more}"), model=model)


def stage(name: str, run: RunFolder = RUN, **killed) -> Ended:
    """Run a stage in a process of its own; `killed` as of `in_child`."""
    return in_child(partial(run_stage, name, run.root), **killed)


def has_begun_to_train(said: Path) -> bool:
    """Whether a training, which wrote this, has said how long its steps will take."""
    return b" steps of " in said.read_bytes()


class Base:
    """A finished run on the small set, and the folder as it was before each stage."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.seconds: dict[str, float] = {}
        if not (folder / "whole").is_dir():
            self._make()

    def _make(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        work = self.folder / "work"
        work.mkdir(parents=True)
        with inside(work):
            write_films(Path("data/films"))
            set_up()
            for name in STAGES:
                shutil.copytree(work, self.folder / name)
                ended = stage(name)
                if ended.status:
                    raise RuntimeError(f"{name} without any fault: {ended.text}")
                (self.folder / f"{name}.seconds").write_text(str(ended.seconds))
        work.rename(self.folder / "whole")

    def before(self, name: str) -> None:
        """Bring the folder as it was before a stage into the current one."""
        for each in (Path("data"), Path("runs")):
            shutil.rmtree(each, ignore_errors=True)
        shutil.copytree(self.folder / name, Path.cwd(), dirs_exist_ok=True, symlinks=True)

    def seconds_of(self, name: str) -> float:
        """Seconds that a stage took."""
        return float((self.folder / f"{name}.seconds").read_text())

    @property
    def whole(self) -> Path:
        """The finished folder; nothing may be written there."""
        return self.folder / "whole"
