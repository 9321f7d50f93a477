"""Variants of the recipe with several seeds each: run, and what the result says of the study."""

from collections.abc import Callable, Mapping

from pipeline.run.code import provenance
from pipeline.run.errors import UserError
from pipeline.run.hardware import hardware
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall
from pipeline.run.stage import Stage
from pipeline.studies.subruns import RunStages

# One network takes minutes, twenty take hours; SET gives another schedule.
SHORT = {"train.epochs": "2", "train.steps_per_epoch": "100"}


def schedule_of(run: RunFolder, short: Mapping[str, str], *, full: bool) -> dict[str, str]:
    """The settings of a short schedule; none for the full one, and none that SET gives itself."""
    given = recall(run).overrides
    return {} if full else {name: value for name, value in short.items() if name not in given}


def run_variants(
    stage: Stage,
    variants: Mapping[str, Mapping[str, str]],
    place: Callable[[str, int], RunFolder],
    *,
    seeds: int,
    schedule: Mapping[str, str],
    upto: str,
    run_stages: RunStages,
) -> None:
    """Bring the run of every variant with every seed up to a stage.

    Args:
        variants: by name the settings that differ.
        place: variant and seed -> run folder.
        seeds: number of seeds, from 0: the same for all variants, so they go in pairs.
        schedule: settings of all of them.

    Raises:
        UserError: there is one seed, or a stage failed.
    """
    if seeds < 2:
        raise UserError(f"SEEDS must be at least 2, because seeds differ, not {seeds}.")
    stage.events.metrics({"seeds": seeds})
    for seed in range(seeds):
        for variant, settings in variants.items():
            print(f"--- {variant}, seed {seed} of {seeds}", flush=True)
            changed = {**schedule, **settings, "train.seed": str(seed)}
            run_stages(place(variant, seed), stage.run, changed, upto=upto)


def study_facts(*, seeds: int, schedule: Mapping[str, str]) -> dict:
    """What the file of a study says of how it was made."""
    return {
        "seeds": seeds,
        "schedule": dict(schedule) or "as in the config",
        "hardware": hardware(),
        **provenance(),
    }
