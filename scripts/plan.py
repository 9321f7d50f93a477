"""Say what a set of so many mammograms will take: time, storage, network, memory, the bottleneck.

Reads   RUN/events.jsonl and what its stages wrote; without a finished RUN a few are measured
Writes  nothing; with --keep docs/results/planning.json
Run     make plan IMAGES=1000000 WORKERS=64; make plan RUN=runs/mine CHECK=1
"""

from typing import Annotated

import typer

import start
from pipeline.checkup.mammogram_costs import costs_of, measured
from pipeline.checkup.planning import (
    KEPT,
    check_of,
    check_text,
    keep_plan,
    plan_of,
    plan_text,
    whole_number,
)
from pipeline.checkup.stage_times import StageTimes, untold
from pipeline.model.configure import settings_with_model
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import default_workers
from pipeline.run.settings import given_overrides, joined


def plan(
    run: start.Run,
    images: str = "100,000",
    workers: Annotated[str, typer.Option(help="the cores of this machine, if not given")] = "",
    config: str = "",
    set: str = "",
    model: str = "",
    input: str = "",
    check: Annotated[bool, typer.Option(help="predict RUN from a few, and compare")] = False,
    keep: bool = False,
) -> None:
    """Say what a set of so many mammograms will take, from what some took."""
    folder = RunFolder(run)
    count = whole_number(images, name="IMAGES")
    cores = whole_number(workers, name="WORKERS") if workers else default_workers()
    overrides = given_overrides(set, input_root=input)
    settings, given = joined(folder, config=config, overrides=overrides, model=model)
    if given.model:
        settings, _, _ = settings_with_model(settings, given)
    times = StageTimes.of(folder)
    reason = untold(times, settings)
    if check and reason:
        raise UserError(f"{reason}: CHECK=1 compares with a RUN that went through in one go.")
    if check or reason:
        why = reason or f"to predict what RUN={run} took"
        print(f"plan: {why}: all stages with 12 and 36 patients, some minutes", flush=True)
        costs = measured(given, settings)
    else:
        costs = costs_of(times, planned=settings)
    print(plan_text(plan_of(costs, count, cores=cores), costs))
    checked = check_of(costs, times, cores=cores) if check else None
    if checked:
        print(check_text(checked))
    if keep:
        keep_plan(costs, checked)
        print(f"kept in {KEPT}; make docs writes it into docs/planning.md")


if __name__ == "__main__":
    start.command_line(plan)
