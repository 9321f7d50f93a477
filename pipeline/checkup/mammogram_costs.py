"""What a mammogram costs in each part of each stage, from what runs say that they have taken.

Every part of a stage costs a start, and for each mammogram processor time of workers and of the one
process that hands out the work. Workers share theirs; the process does not.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.checkup.stage_times import MAPS, REST, STAGES, StageTimes, untold
from pipeline.config import Settings
from pipeline.run.atomic import read_json
from pipeline.run.errors import UserError
from pipeline.run.hardware import hardware
from pipeline.run.layout import RunFolder
from pipeline.run.pseudonyms import PRIVATE, known_original
from pipeline.run.scratch import scratch_folder
from pipeline.run.settings import Remembered, load_settings, recall

STEPS, VALIDATION = "steps", "maps of the validation"
# Done by several processes or threads of a machine, or sent to a cluster, also where a small run
# does it in one process.
SHARED = (MAPS, "pictures", STEPS, VALIDATION)
# The same for any number of mammograms.
_CONSTANT = ("TensorFlow starts", "report", "plots", "files for a manuscript", REST, STEPS)
_SAMPLES = ((12, 8), (36, 40))  # patients, and training steps


@dataclass(frozen=True)
class Part:
    """What a part of a stage costs, in processor seconds.

    Attributes:
        start: whatever the number of mammograms.
        own, workers: for each mammogram of the stage, of the one process and of the workers.
    """

    stage: str
    name: str
    start: float
    own: float
    workers: float

    def processor(self, images: float) -> float:
        """Processor seconds of all."""
        return self.start + images * (self.own + self.workers)

    def wall(self, images: float, cores: int) -> float:
        """Seconds of the clock: workers and the process that serves them work at a time.

        In evaluate they are its threads, whose end it awaits.
        """
        if self.name in SHARED:
            return self.processor(images) / cores
        if self.stage == "evaluate":
            return self.start + images * (self.own + self.workers / cores)
        return self.start + max(images * self.own, images * self.workers / cores)


@dataclass(frozen=True)
class Costs:
    """What mammograms cost, measured.

    Attributes:
        what: the mammograms and what mapped them, in words.
        images, fewer: that were measured, and of the smaller run beside it, 0 without one.
        judged, validated: share of the mammograms that heatmap and evaluate work on, and of those
            that each validation of a training maps.
        source_bytes, store_bytes, run_bytes: for each mammogram, of its file, of the store and of
            the tables and pictures of preprocess.
        map_bytes, judged_bytes: for each judged one, of its map, and of all of it in the run.
        positions: for each mammogram.
        peak_mib: memory of the largest process of each stage.
    """

    hardware: str
    what: str
    images: int
    fewer: int
    parts: tuple[Part, ...]
    judged: float
    validated: float
    source_bytes: float
    store_bytes: float
    run_bytes: float
    map_bytes: float
    judged_bytes: float
    positions: float
    peak_mib: Mapping[str, float]

    def count(self, part: Part, images: int) -> float:
        """How many of so many mammograms a part works on."""
        if part.name == VALIDATION:
            return images * self.validated
        return images * (self.judged if part.stage in ("heatmap", "evaluate") else 1.0)


def measured(given: Remembered, settings: Settings) -> Costs:
    """What a few mammograms cost: two small runs with all stages, one larger than the other.

    Args:
        given: what gives these settings.

    Raises:
        UserError: a setting is wrong, or a stage failed.
    """
    with scratch_folder() as folder:
        runs = [_measure(given, settings, folder, *sample) for sample in _SAMPLES]
        few, more = map(StageTimes.of, runs)
        return costs_of(more, few, planned=settings)


def _measure(
    given: Remembered, settings: Settings, folder: Path, patients: int, steps: int
) -> RunFolder:
    """A run of so many patients, with a store and pseudonyms of its own."""
    run = RunFolder(folder / f"{patients}-patients")
    own = {
        "store.root": folder / f"store-{patients}",
        "train.epochs": 1,
        "train.steps_per_epoch": steps,
        "train.warmup_steps": 1,
    }
    if settings.data.importer == "phantom":
        own |= {"phantom.patients": patients, "data.root": folder / f"data-{patients}"}
    else:
        own["data.limit"] = patients
    overrides = {name: known_original(value) for name, value in given.overrides.items()} | own
    sets = " ".join(shlex.quote(f"{name}={value}") for name, value in overrides.items())
    options = {"config": given.config, "set": sets, "model": given.model}
    commands = [["settings", *(f"--{name}={of}" for name, of in options.items() if of)]]
    commands += [["stage", name] for name in STAGES if name != "train" or not given.model]
    for script, *more in commands:
        if script == "stage":
            print(f"plan: {more[0]} of {patients} patients", flush=True)
        ended = subprocess.run(
            [sys.executable, f"scripts/{script}.py", *more, "--run", str(run.root)],
            check=False,
            capture_output=True,
            env={**os.environ, PRIVATE: str(folder / "private")},
        )
        if ended.returncode:
            said = ended.stderr.decode(errors="replace").strip()
            if script == "settings" or more[0] == "ingest":
                raise UserError(said)
            raise UserError(
                f"{said}\nSo {patients} patients, whose run is gone again, do not tell what all of "
                "them take. Do the stages with all, and plan with what they take: make plan "
                "RUN=runs/..."
            )
    return run


def costs_of(
    times: StageTimes, smaller: StageTimes | None = None, *, planned: Settings | None = None
) -> Costs:
    """What the mammograms of a finished run cost.

    Args:
        smaller: of a run of fewer; the difference tells the start from the rest. Without it what a
            part took counts for its mammograms, and what lies outside of the parts as start.
        planned: settings of the training; those of the run if None.

    Raises:
        UserError: the run does not tell it.
    """
    if reason := untold(times):
        raise UserError(f"{reason}, so it does not say what mammograms cost.")
    run, images, judged = times.run, times.images, times.mapped
    measured_with = load_settings(run)
    planned = planned or measured_with
    taken, few = times.taken(), smaller.taken() if smaller else {}
    summary = read_json(run.preprocess_summary)
    parts = [
        _part(stage, name, spent, few.get((stage, name)), (times.worked_on(stage, name), less))
        for (stage, name), spent in taken.items()
        if stage != "train"
        for less in [smaller.worked_on(stage, name) if smaller else 0]
    ]
    seen = _validated(run, measured_with)
    each_map = sum(part.own + part.workers for part in parts if part.name == MAPS)
    each_map /= measured_with.train.members
    if ("train", "files") in taken:
        mapping = each_map * seen * measured_with.train.epochs
        steps, spent = _steps(measured_with), sum(taken["train", "files"]) - mapping
        if smaller:
            mapping = each_map * _validated(smaller.run, measured_with) * measured_with.train.epochs
            spent -= sum(few["train", "files"]) - mapping
            steps -= _steps(load_settings(smaller.run))
        a_step = max(spent, 0.0) / max(steps, 1)
        parts.append(Part("train", STEPS, a_step * _steps(planned), 0.0, 0.0))
        parts.append(Part("train", VALIDATION, 0.0, 0.0, each_map * planned.train.epochs))
    used = summary["all"]["images"]
    files = [run.positions, run.mammograms, run.intake, run.outlines, run.images_table]
    files += [run.files_table, *run.breast_entries.parent.glob("*")]
    mapped = _sizes(run.heatmaps.glob("*.npz"))
    drawn = [p for folder in (run.overlays, run.viewer, run.uncertainty) for p in folder.glob("*")]
    tables = _sizes([run.predictions, run.candidates, run.regions, run.images])
    return Costs(
        hardware=hardware(),
        what=_what(run, measured_with),
        images=images,
        fewer=smaller.images if smaller else 0,
        parts=tuple(parts),
        judged=judged / images if judged else planned.split.test,
        validated=seen / images,
        source_bytes=_source_bytes(run, images),
        store_bytes=summary["store_bytes"] / used,
        run_bytes=_sizes(files) / images,
        map_bytes=mapped / max(judged, 1),
        judged_bytes=(mapped + tables + _sizes(drawn)) / max(judged, 1),
        positions=sum(summary["all"]["positions"].values()) / used,
        peak_mib={stage: end["peak_mib"] for stage, end in times.finished.items()},
    )


def _part(
    stage: str,
    name: str,
    spent: tuple[float, float],
    before: tuple[float, float] | None,
    counts: tuple[int, int],
) -> Part:
    """What a part costs.

    Args:
        spent, before: own and workers' processor seconds, of the run and of the smaller one.
        counts: of the mammograms that the part worked on in both; the second is 0 without one.
    """
    many, less = counts
    if many > less > 0:
        then = before or (0.0, 0.0)
        each = [max(now - ago, 0.0) / (many - less) for now, ago in zip(spent, then, strict=True)]
    else:
        each = [0.0 if name in _CONSTANT else now / max(many, 1) for now in spent]
    return Part(stage, name, max(sum(spent) - many * sum(each), 0.0), *each)


def _what(run: RunFolder, settings: Settings) -> str:
    copies = (read_json(run.heatmap_summary) or {}).get("copies")
    whose = " of a model that is there" if recall(run).model else ""
    mapped = f", mapped by {copies}{whose}" if copies else ""
    return f"{settings.data.importer} mammograms at {settings.image.spacing_mm:g} mm{mapped}"


def _validated(run: RunFolder, settings: Settings) -> int:
    """Mammograms that an epoch of all networks maps: each leaves out another part of them."""
    summary = read_json(run.preprocess_summary)
    more = summary["train"]["images"] if settings.train.members > 1 else 0
    return summary["validation"]["images"] + more


def _steps(settings: Settings) -> int:
    train = settings.train
    return train.members * train.epochs * train.steps_per_epoch


def _source_bytes(run: RunFolder, images: int) -> float:
    import pandas as pd  # takes a second

    files = pd.read_csv(run.files_table, usecols=["status", "bytes"])
    return float(files.loc[files["status"] == "candidate", "bytes"].sum()) / max(images, 1)


def _sizes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
