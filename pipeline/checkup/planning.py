"""What a set of so many mammograms will take, from what a run of a few has taken.

Every part of a stage costs a start, and for each mammogram processor time of workers and of the one
process that hands out the work. Workers share theirs; the process does not.
"""

import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.config import Settings
from pipeline.pages.template import render_markdown
from pipeline.run.atomic import read_json, write_json
from pipeline.run.errors import UserError
from pipeline.run.events import read_events
from pipeline.run.hardware import free_memory_bytes, hardware
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings, recall
from pipeline.run.words import duration, storage

KEPT = Path("docs/results/planning.json")
_IMAGES, _WORKERS = (10**3, 10**4, 10**5, 10**6), (2, 16, 64)
STAGES = ("ingest", "preprocess", "train", "heatmap", "evaluate")
REST, STEPS, VALIDATION = "start and rest", "steps", "maps of the validation"
# Done by several processes or threads of a machine, or sent to a cluster, also where a small run
# does it in one process.
_SHARED = ("maps", "pictures", STEPS, VALIDATION)
# The same for any number of mammograms.
_CONSTANT = ("TensorFlow starts", "report", "plots", "files for a manuscript", REST, STEPS)
# Memory of the one process, measured: its rows in preprocess, and the tables of positions with the
# copies that are made of them.
_BYTES_PER_MAMMOGRAM, _BYTES_PER_POSITION = 25_000, {"train": 110, "evaluate": 250}
_LINE_BYTES_A_SECOND = 125e6  # of a gigabit
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
        """Seconds of the clock: workers and the process that serves them work at a time."""
        if self.name in _SHARED:
            return self.processor(images) / cores
        return self.start + max(images * self.own, images * self.workers / cores)


@dataclass(frozen=True)
class Costs:
    """What mammograms cost, measured.

    Attributes:
        images: that were measured.
        judged, validated: share of the mammograms that heatmap and evaluate work on, and of those
            that each validation of a training maps.
        source_bytes, store_bytes, run_bytes: for each mammogram, of its file, of the store and of
            the tables and pictures of preprocess.
        map_bytes, judged_bytes: for each judged one, of its map, and of all of it in the run.
        positions: for each mammogram.
        peak_mib: memory of the largest process of each stage.
    """

    hardware: str
    images: int
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


Taken = dict[tuple[str, str], tuple[float, float]]  # processor seconds: own, workers


def measured(given: Mapping[str, str], settings: Settings, folder: Path) -> Costs:
    """What a few mammograms cost: two small runs with all stages, one larger than the other.

    Args:
        given: options of scripts/settings.py, which give these settings.
        folder: for the runs and their store.

    Raises:
        UserError: a stage failed; it has said why.
    """
    runs = []
    for patients, steps in _SAMPLES:
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
        sets = " ".join([given.get("set", ""), *(shlex.quote(f"{k}={v}") for k, v in own.items())])
        options = {**given, "set": sets}
        commands = [["settings.py", *(f"--{name}={of}" for name, of in options.items() if of)]]
        commands += [["stage.py", stage] for stage in STAGES]
        for script, *more in commands:
            if more == ["train"] and recall(run).model:
                continue
            command = [sys.executable, f"scripts/{script}", *more, "--run", str(run.root)]
            if subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode:
                failed = more[0] if more[0] in STAGES else "a setting"
                raise UserError(
                    f"{failed} of {patients} patients failed, see above. Name the run of a data "
                    "set whose stages are done: make plan RUN=runs/..."
                )
        runs.append(run)
    return costs_of(runs[1], runs[0], planned=settings)


def costs_of(
    run: RunFolder, smaller: RunFolder | None = None, *, planned: Settings | None = None
) -> Costs:
    """What the mammograms of a finished run cost.

    Args:
        smaller: a run of fewer; the difference tells the start from the rest. Without it what a
            part took counts for its mammograms, and what lies outside of the parts as start.
        planned: settings of the training; those of the run if None.

    Raises:
        UserError: preprocess is not done, or was done before processor time was noted.
    """
    measured_with = load_settings(run)
    planned = planned or measured_with
    images, judged = _counts(run)
    taken = _taken(run)
    few = _taken(smaller) if smaller else {}
    few_images, few_judged = _counts(smaller) if smaller else (0, 0)
    summary = read_json(run.preprocess_summary)
    if not summary or ("preprocess", REST) not in taken:
        raise UserError(
            f"{run.root} does not say what its stages took: make preprocess heatmap "
            f"RUN={run.root} FORCE=1, or a RUN that does not exist, for which a few are measured."
        )
    parts = []
    for (stage, name), (own, workers) in taken.items():
        if stage == "train":
            continue
        of_judged = stage in ("heatmap", "evaluate")
        many, less = (judged, few_judged) if of_judged else (images, few_images)
        before = few.get((stage, name), (0.0, 0.0))
        fitted = bool(smaller) or name not in _CONSTANT
        own_each, workers_each = (
            max(now - then, 0.0) / max(many - less, 1) if fitted else 0.0
            for now, then in zip((own, workers), before, strict=True)
        )
        start = max(own + workers - many * (own_each + workers_each), 0.0)
        parts.append(Part(stage, name, start, own_each, workers_each))
    seen = _validated(run, measured_with)
    each_map = sum(part.own + part.workers for part in parts if part.name == "maps")
    each_map /= measured_with.train.members
    if ("train", "files") in taken:
        mapping = each_map * seen * measured_with.train.epochs
        steps, spent = _steps(measured_with), sum(taken["train", "files"]) - mapping
        if smaller:
            mapping = each_map * _validated(smaller, measured_with) * measured_with.train.epochs
            spent -= sum(few["train", "files"]) - mapping
            steps -= _steps(load_settings(smaller))
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
        images=images,
        parts=tuple(parts),
        judged=judged / images if judged else planned.split.test,
        validated=seen / images,
        source_bytes=_source_bytes(run, images),
        store_bytes=summary["store_bytes"] / used,
        run_bytes=_sizes(files) / images,
        map_bytes=mapped / max(judged, 1),
        judged_bytes=(mapped + tables + _sizes(drawn)) / max(judged, 1),
        positions=sum(summary["all"]["positions"].values()) / used,
        peak_mib={e["stage"]: e["peak_mib"] for e in _last(run, "finish").values()},
    )


def plan_of(costs: Costs, images: int, *, cores: int) -> dict:
    """Time, storage, traffic and memory of so many mammograms, for JSON."""
    stages: dict[str, dict] = {}
    for part in costs.parts:
        count = costs.count(part, images)
        stage = stages.setdefault(part.stage, {"processor": 0.0, "seconds": 0.0})
        stage["processor"] += part.processor(count)
        stage["seconds"] += part.wall(count, cores)
    judged = images * costs.judged
    for name, stage in stages.items():
        rows = images * costs.positions * (costs.judged if name == "evaluate" else 1.0)
        more: float = (images - costs.images) * _BYTES_PER_MAMMOGRAM
        more += rows * _BYTES_PER_POSITION.get(name, 0)
        stage["memory"] = costs.peak_mib.get(name, 0.0) * 2**20 + max(more, 0.0)
    return {
        "images": images,
        "cores": cores,
        "stages": stages,
        "storage": {
            "source": images * costs.source_bytes,
            "store": images * costs.store_bytes,
            "run": images * costs.run_bytes + judged * costs.judged_bytes,
        },
        "network": {
            "read from the data root": images * costs.source_bytes,
            "written to the store": images * costs.store_bytes,
            "read for the maps": judged * costs.store_bytes,
            "maps sent back": judged * costs.map_bytes,
        },
        "bottleneck": bottleneck(costs, images, cores=cores),
    }


def bottleneck(costs: Costs, images: int, *, cores: int) -> str:
    """What takes longest, and what would help, in a sentence."""
    walls = [(part.wall(costs.count(part, images), cores), part) for part in costs.parts]
    seconds, part = max(walls, key=lambda each: each[0])
    total = sum(each for each, _ in walls)
    said = (
        f"{part.name} of {part.stage}: {duration(seconds)} of {duration(total)}, "
        f"{seconds / total:.0%}"
    )
    line = images * (costs.source_bytes + costs.store_bytes) / _LINE_BYTES_A_SECOND
    reading = sum(s for s, p in walls if p.stage == "preprocess")
    if line > max(seconds, reading):
        return (
            f"a line of 1 Gbit/s between data, store and workers: {duration(line)}, longer than "
            f"{said}. Lay the data next to the workers."
        )
    count = costs.count(part, images)
    alone = count * part.own >= count * part.workers / cores
    if part.name not in _SHARED and alone:
        return f"{said}. It runs in one process, which more workers do not make faster."
    if part.stage == "train":
        return f"{said}. A GPU, or a smaller share of validation, makes it shorter."
    return f"{said}. It is shared by the workers: twice as many take half as long."


def plan_text(plan: Mapping, costs: Costs) -> str:
    """The plan for the terminal."""
    lines = [
        f"{plan['images']:,} mammograms with {plan['cores']} workers, from what {costs.images} "
        f"took on {costs.hardware}:",
        "",
        f"  {'stage':<12}{'time':>14}{'processor time':>18}{'memory of the process':>24}",
    ]
    for name, stage in plan["stages"].items():
        cells = duration(stage["seconds"]), duration(stage["processor"]), storage(stage["memory"])
        lines.append("  {:<12}{:>14}{:>18}{:>24}".format(name, *cells))
    whole = sum(stage["seconds"] for stage in plan["stages"].values())
    lines += ["", f"  together {duration(whole)}"]
    for what, title in (("storage", "storage"), ("network", "network, where SCHEDULER is given")):
        told = ", ".join(f"{name} {storage(size)}" for name, size in plan[what].items())
        lines.append(f"  {title}: {told}")
    lines.append(f"  the bottleneck: {plan['bottleneck']}")
    name, most = max(plan["stages"].items(), key=lambda each: each[1]["memory"])
    if most["memory"] > (free := free_memory_bytes()):
        lines.append(
            f"  too little memory: {name} takes {storage(most['memory'])} in one process, and this "
            f"machine has {storage(free)} free. Take fewer (data.limit), positions farther apart "
            "(labels.pitch_mm), or a larger machine."
        )
    lines.append("")
    absent = [name for name in STAGES if name not in plan["stages"]]
    if absent:
        lines.append(f"  Not measured: {', '.join(absent)}.")
    lines.append(
        "  Training and maps count as if the workers were cores of one machine without a GPU; a "
        "cluster's own overhead is not in it."
    )
    return "\n".join(lines)


def _counts(run: RunFolder) -> tuple[int, int]:
    """Mammograms of a run, and how many of them it mapped."""
    catalog, maps = read_json(run.catalog) or {}, read_json(run.heatmap_summary) or {}
    return catalog.get("images", 0), maps.get("images", 0)


def _taken(run: RunFolder) -> Taken:
    """By stage and part; what is in no part is the rest, or all of it where there are none."""
    taken: Taken = {}
    parts = _last(run, "parts")
    for stage, end in _last(run, "finish").items():
        if stage not in STAGES or "own" not in end:
            continue
        of = parts[stage]["values"] if stage in parts else {}
        taken |= {(stage, name): (each["own"], each["workers"]) for name, each in of.items()}
        own, workers = (
            max(end[kind] - sum(each[kind] for each in of.values()), 0.0)
            for kind in ("own", "workers")
        )
        taken[stage, REST if of else "files"] = own, workers
    return taken


def _validated(run: RunFolder, settings: Settings) -> int:
    """Mammograms that an epoch of all networks maps: each leaves out another part of them."""
    summary = read_json(run.preprocess_summary)
    more = summary["train"]["images"] if settings.train.members > 1 else 0
    return summary["validation"]["images"] + more


def _steps(settings: Settings) -> int:
    train = settings.train
    return train.members * train.epochs * train.steps_per_epoch


def _last(run: RunFolder, kind: str) -> dict[str, dict]:
    """The last event of that kind of each stage."""
    return {e["stage"]: e for e in read_events(run.events) if e["event"] == kind}


def _source_bytes(run: RunFolder, images: int) -> float:
    import pandas as pd  # takes a second

    files = pd.read_csv(run.files_table, usecols=["status", "bytes"])
    return float(files.loc[files["status"] == "candidate", "bytes"].sum()) / max(images, 1)


def _sizes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def keep_curve(costs: Costs, kept: Path = KEPT) -> None:
    """Keep the costs and their curve for the documentation, beside the checks that are there."""
    curve = [plan_of(costs, count, cores=of) for of in _WORKERS for count in _IMAGES]
    known = read_json(kept) or {}
    write_json(kept, {**known, "costs": asdict(costs), "curve": curve})


def planning_markdown(kept: Path = KEPT) -> str:
    """docs/planning.md, from what is kept."""
    found = read_json(kept)
    told = {"images": found["costs"]["images"], "duration": duration, "storage": storage}
    return render_markdown(Path(__file__).parent / "planning.md", **found, **told)
