"""Say what a set of so many mammograms will take: time, storage, network, memory, the bottleneck.

Reads   RUN/events.jsonl and what its stages wrote; without a finished RUN a few are measured
Writes  nothing; with --keep docs/results/planning.json
Run     make plan IMAGES=1000000 WORKERS=64
"""

from typing import Annotated

import typer

import start
from pipeline.checkup.planning import KEPT, costs_of, keep_curve, measured, plan_of, plan_text
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import default_workers
from pipeline.run.scratch import scratch_folder
from pipeline.run.settings import given_overrides, joined


def plan(
    run: start.Run,
    images: Annotated[int, typer.Option(min=1)] = 100_000,
    workers: Annotated[int, typer.Option(min=0, help="0: the cores of this machine")] = 0,
    config: str = "",
    set: str = "",
    model: str = "",
    input: str = "",
    keep: bool = False,
) -> None:
    """Say what a set of so many mammograms will take, from what some took."""
    folder = RunFolder(run)
    overrides = given_overrides(set, input_root=input)
    settings, _ = joined(folder, config=config, overrides=overrides, model=model)
    if folder.preprocess_summary.is_file():
        costs = costs_of(folder, planned=settings)
    else:
        given = {"config": config, "set": set, "model": model, "input": input}
        print("plan: all stages with 12 and 36 patients, some minutes", flush=True)
        with scratch_folder() as place:
            costs = measured(given, settings, place)
    print(plan_text(plan_of(costs, images, cores=workers or default_workers()), costs))
    if keep:
        keep_curve(costs)
        print(f"kept in {KEPT}")


if __name__ == "__main__":
    start.command_line(plan)
