"""What a set of so many mammograms will take, from what mammograms cost."""

import datetime
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pipeline.checkup.mammogram_costs import SHARED, VALIDATION, Costs
from pipeline.checkup.stage_times import STAGES, StageTimes
from pipeline.pages.template import render_markdown
from pipeline.run.atomic import read_json, write_json
from pipeline.run.code import git_commit
from pipeline.run.errors import UserError
from pipeline.run.hardware import free_memory_bytes
from pipeline.run.words import duration, storage

KEPT = Path("docs/results/planning.json")
_IMAGES, _WORKERS = (10**3, 10**4, 10**5, 10**6), (2, 16, 64)
# Memory of the one process, measured: its rows in preprocess, and the tables of positions with the
# copies that are made of them.
_BYTES_PER_MAMMOGRAM, _BYTES_PER_POSITION = 25_000, {"train": 110, "evaluate": 200}
_MOST = 10**12
_LINE_BYTES_A_SECOND = 125e6  # of a gigabit


def whole_number(text: str, *, name: str) -> int:
    """A number as people write it: 20000, 20,000, 2e4.

    Args:
        name: the variable of Make, for the message.

    Raises:
        UserError: it is none from 1 on.
    """
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        number = 0.0
    if not 1 <= number <= _MOST or number % 1:
        raise UserError(f"{name}={text} must be a whole number from 1 on, e.g. 64 or 20,000.")
    return int(number)


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
    if part.name not in SHARED and alone:
        return f"{said}. It runs in one process, which more workers do not make faster."
    if part.stage == "train":
        fewer = ", or a smaller share of validation," if part.name == VALIDATION else ""
        return f"{said}. A GPU{fewer} makes it shorter."
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


def check_of(costs: Costs, times: StageTimes, *, cores: int) -> dict:
    """What the costs predict for a finished run beside what it took, for JSON.

    Args:
        cores: that it had.
    """
    took = times.finished
    predicted = plan_of(costs, times.images, cores=cores)["stages"]
    done = [stage for stage in STAGES if stage in took and stage in predicted]
    ended = datetime.datetime.fromtimestamp(took[done[-1]]["time"], datetime.UTC)
    commit = git_commit()[0]
    return {
        "run": times.run.root.name,
        "images": times.images,
        "date": ended.date().isoformat(),
        "other_code": [
            stage for stage in done if took[stage].get("commit", "") not in ("", commit)
        ],
        "rows": [
            {
                "stage": stage,
                "predicted": predicted[stage]["seconds"],
                "measured": took[stage]["seconds"],
            }
            for stage in done
        ],
    }


def check_text(check: Mapping) -> str:
    """The comparison for the terminal."""
    lines = [
        "",
        f"{check['run']} with {check['images']:,} mammograms, {check['date']}:",
        "",
        f"  {'stage':<12}{'predicted':>14}{'measured':>14}{'predicted / measured':>24}",
    ]
    for row in check["rows"]:
        cells = duration(row["predicted"]), duration(row["measured"])
        ratio = row["predicted"] / row["measured"]
        lines.append("  {:<12}{:>14}{:>14}{:>24.2f}".format(row["stage"], *cells, ratio))
    if check["other_code"]:
        lines.append(
            f"  {', '.join(check['other_code'])} of {check['run']} is of another commit than this "
            "code; make status says what changed since."
        )
    return "\n".join(lines)


def keep_plan(costs: Costs, check: Mapping | None = None, kept: Path = KEPT) -> None:
    """Keep the costs, their curve and the comparison for the documentation.

    Without a comparison that of before goes: it was made with other costs.
    """
    curve = [plan_of(costs, count, cores=of) for of in _WORKERS for count in _IMAGES]
    known = {name: of for name, of in (read_json(kept) or {}).items() if name != "check"}
    checked = {"check": check} if check else {}
    write_json(kept, {**known, "costs": asdict(costs), "curve": curve, **checked})


def planning_markdown(kept: Path = KEPT) -> str:
    """docs/planning.md, from what is kept."""
    found = read_json(kept)
    told = {"duration": duration, "storage": storage}
    return render_markdown(Path(__file__).parent / "planning.md", **found, **told)
