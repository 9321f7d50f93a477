"""Variants of the recipe with several seeds each, in pairs: the frame of ablation and heads."""

from collections.abc import Mapping, Sequence

from pipeline.model.card import read_card
from pipeline.model.recipe import recipe_of
from pipeline.run.code import provenance
from pipeline.run.errors import UserError
from pipeline.run.hardware import hardware
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall
from pipeline.run.stage import Stage
from pipeline.studies.subruns import RunStages, announced

# One network takes minutes, twenty take hours; SET gives another schedule.
SHORT = {"train.epochs": "2", "train.steps_per_epoch": "100"}
# Each a network of its own, all of one split: those of an ensemble leave out different women.
ALONE = {"train.members": "1"}
Runs = Mapping[str, Sequence[RunFolder]]


def schedule_of(run: RunFolder, short: Mapping[str, str], *, full: bool) -> dict[str, str]:
    """The settings of a short schedule; none for the full one, and none that SET gives itself."""
    given = recall(run).overrides
    return {} if full else {name: value for name, value in short.items() if name not in given}


def run_variants(
    stage: Stage,
    study: str,
    variants: Mapping[str, Mapping[str, str]],
    *,
    seeds: int,
    schedule: Mapping[str, str],
    upto: str,
    run_stages: RunStages,
    afterwards: float = 0.0,
) -> tuple[Runs, dict]:
    """Bring the run of every variant with every seed up to a stage.

    Args:
        study: name of the folder below the run folder.
        variants: by name the settings that differ.
        seeds: number of seeds, from 0: the same for all variants, so they go in pairs.
        schedule: settings of all of them.
        afterwards: what follows the last one, as a share of the time of a part.

    Returns:
        The runs of each variant by seed, and what the file of the study says of how they were made.

    Raises:
        UserError: there is one seed, or a stage failed.
    """
    if seeds < 2:
        raise UserError(f"SEEDS must be at least 2, because seeds differ, not {seeds}.")
    stage.events.metrics({"seeds": seeds})
    runs = {name: [stage.run.variant(study, name, s) for s in range(seeds)] for name in variants}
    order = [(name, seed) for seed in range(seeds) for name in variants]
    parts = {f"{name}, seed {seed}": runs[name][seed] for name, seed in order}
    for (name, seed), part in zip(
        order, announced(parts, upto=upto, afterwards=afterwards), strict=True
    ):
        changed = {**schedule, **variants[name], **ALONE, "train.seed": str(seed)}
        run_stages(part, stage.run, changed, upto=upto)
    cards = (read_card(run.model) for made in runs.values() for run in made)
    return runs, {
        "recipe": recipe_of(stage.settings, cards),
        "seeds": seeds,
        "schedule": {**schedule, **ALONE} if schedule else "as in the config, one network each",
        "hardware": hardware(),
        **provenance(),
    }
