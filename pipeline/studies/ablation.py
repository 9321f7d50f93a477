"""What each ingredient of the recipe brings: the recipe without it, judged on validation patients.

Validation figures, never test figures: an ingredient is chosen by them, and what has been chosen
by a figure is no longer judged by it.

Reads   RUN/settings
Writes  RUN/ablation/<variant>-<seed>, a run folder each (trained, not applied); RUN/ablation.json
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.annotations.outlines import read_outlines
from pipeline.model.card import read_card
from pipeline.model.card_parts import TrainingCard
from pipeline.model.folder import load_network
from pipeline.model.image_map import NetworkMapper
from pipeline.model.map_rule import MapRule
from pipeline.model.validation import (
    MappedImage,
    at_one_level,
    map_image,
    read_validation,
    score_map,
    validation_figures,
)
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.report.readme import ablation_table
from pipeline.run.atomic import write_json
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.progress import Plan, shown
from pipeline.run.settings import load_settings
from pipeline.run.stage import Stage
from pipeline.studies.subruns import RunStages, run_stages
from pipeline.studies.variants import SHORT, Runs, run_variants, schedule_of

# The recipe of the config, and the recipe with one thing taken out, made plain or added.
VARIANTS: dict[str, dict[str, str]] = {
    "recipe": {},
    "random weights": {"network.weights": "none", "train.frozen_layers": "0"},
    "no augmentation": {"train.augment": "false"},
    "no running average": {"train.average": "0"},
    "no dropout": {"network.dropout": "0"},
    "rate falls to zero": {"train.final_rate": "0"},
    "kinds of findings alike": {"train.balance": "kinds"},
    "no core in the window": {"network.core_mm": "0"},
}
# The trained recipe with other maps, as far as its own differ from these.
OTHER_MAPS: dict[str, dict[str, Any]] = {
    "maps not smoothed": {"smooth_mm": 0.0},
    "maps of one size": {"zooms": (1.0,)},
    "maps at their own level": {"level_share": 0.0},
}
SHORT_ABLATION = SHORT | {"split.validation": "0.3"}
# Steps of training in whose time a network maps the validation patients in the OTHER_MAPS: of
# mini-MIAS 54 s beside 170 s for the 200 steps of a part.
STEPS_OF_MAPS = 64


def ablation(
    stage: Stage, *, seeds: int, full: bool = False, run_stages: RunStages = run_stages
) -> str:
    """Train every variant with every seed where that is not done yet.

    Args:
        seeds: number of paired seeds.
        full: the schedule of CONFIG instead of the short one.

    Returns:
        The table as text.
    """
    schedule = schedule_of(stage.run, SHORT_ABLATION, full=full)
    train = stage.settings.train
    epochs = int(schedule.get("train.epochs", train.epochs))
    steps = epochs * int(schedule.get("train.steps_per_epoch", train.steps_per_epoch))
    runs, facts = run_variants(
        stage,
        "ablation",
        VARIANTS,
        seeds=seeds,
        schedule=schedule,
        upto="train",
        run_stages=run_stages,
        afterwards=STEPS_OF_MAPS * (seeds + 1) / steps,
    )
    content = judge_ablation(runs, facts)
    write_json(stage.run.ablation, content)
    stage.events.artifact(stage.run.ablation)
    return "\n" + ablation_table(content)


def judge_ablation(runs: Runs, facts: Mapping) -> dict:
    """The content of ablation.json from the finished trainings."""
    trainings = {variant: [_training(run) for run in made] for variant, made in runs.items()}
    recipe = trainings["recipe"]
    trainings |= _with_other_maps(runs["recipe"], recipe)
    return {
        "figures": "validation patients, each position of the patch table; nothing of the test",
        "variants": {variant: _row(found, recipe) for variant, found in trainings.items()},
        "validation": recipe[0].validation.model_dump(),
        **facts,
    }


def _with_other_maps(
    runs: Sequence[RunFolder], trainings: Sequence[TrainingCard]
) -> dict[str, list[TrainingCard]]:
    """The trained recipe as if its maps had been others, and as the mean of its seeds."""
    own = load_settings(runs[0]).maps
    wanted = {
        variant: change
        for variant, change in OTHER_MAPS.items()
        if any(getattr(own, name) != value for name, value in change.items())
    }
    mean = f"mean of the recipe's {len(runs)} networks"
    of_seed = [f"maps of seed {seed}" for seed in range(len(runs))] if wanted else []
    plan = Plan("ablation", dict.fromkeys([*of_seed, mean], 20.0))
    judged = [
        judge_other_maps([run], wanted, plan, part)
        for run, part in zip(runs[: len(of_seed)], of_seed, strict=True)
    ]
    figures = {variant: [of_run[variant] for of_run in judged] for variant in wanted}
    figures[mean] = [judge_other_maps(runs, {"mean": {}}, plan, mean)["mean"]] * len(runs)
    return {
        variant: [t.model_copy(update=f) for t, f in zip(trainings, found, strict=True)]
        for variant, found in figures.items()
    }


def _row(trainings: list[TrainingCard], recipe: list[TrainingCard]) -> dict:
    (auc, froc), (recipe_auc, recipe_froc) = (
        np.array([(t.validation_auc, t.validation_froc) for t in of], float).T
        for of in (trainings, recipe)
    )
    return {
        "validation_auc": float(auc.mean()),
        "validation_froc": float(froc.mean()),
        "seeds": auc.tolist(),
        "change": (auc - recipe_auc).tolist(),
        "froc_change": (froc - recipe_froc).tolist(),
        # Of each network: an ensemble has no step of its own.
        "best_step": [[n.best_step for n in t.members or [t]] for t in trainings],
        "validation_loss": [t.validation_loss for t in trainings],
        "seconds": float(np.mean([t.seconds for t in trainings])),
    }


def _training(run: RunFolder) -> TrainingCard:
    training = read_card(run.model).training
    # Both classes among the positions are lesions and breast, so one is known with the other.
    if training.validation_auc is None:
        raise UserError(
            f"{run.root} has no validation AUC: its validation patients lack a class. Raise "
            "split.validation."
        )
    return training


def judge_other_maps(
    runs: Sequence[RunFolder], variants: Mapping[str, Mapping], plan: Plan, part: str
) -> dict[str, dict]:
    """Validation figures of the mean of some runs' models for each way to make its maps.

    Args:
        runs: with a finished model each, of the same settings but for their seeds.
        variants: name -> what differs from the map settings of the first run.
        plan: of the whole work, of which this is `part`.

    Returns:
        name -> `validation_figures`.
    """
    settings = load_settings(runs[0])
    mean = _MeanMapper(runs)
    rules = {
        name: MapRule.from_settings(
            settings.maps.model_copy(update=dict(change)),
            settings.image,
            settings.labels,
            stride_px=mean.stride_px,
        )
        for name, change in variants.items()
    }
    tables = read_mammograms(runs[0]), read_outlines(runs[0]), read_positions(runs[0])
    images = read_validation(*tables, labels=settings.labels)
    maps: dict[str, list[MappedImage]] = {name: [] for name in rules}
    for image in shown(images, len(images), part, plan=plan):
        mean.known.clear()
        for name, rule in rules.items():
            maps[name].append(map_image(mean, image, rule))
    figures = {}
    for name, rule in rules.items():
        finished, _ = at_one_level([maps[name]], share=rule.level_share)
        figures[name] = validation_figures(images, [score_map(one, rule) for one in finished])
    return figures


class _MeanMapper:
    """The mean of the logits of some runs' models, each over its temperature where there are many.

    `known` holds the maps of the image at hand by what makes their logits; rules may share them.
    """

    def __init__(self, runs: Sequence[RunFolder]):
        self._mappers = [NetworkMapper(load_network(run.model)) for run in runs]
        many = len(runs) > 1
        cards = [read_card(run.model) for run in runs]
        self._temperatures = [c.calibration.temperature if many else 1.0 for c in cards]
        self.stride_px = self._mappers[0].stride_px
        self.known: dict[tuple, np.ndarray] = {}

    def __call__(self, image: np.ndarray, rule: MapRule) -> tuple[np.ndarray, None]:
        copies = rule.pitch_px, rule.flips, rule.zooms
        if copies not in self.known:
            pairs = zip(self._mappers, self._temperatures, strict=True)
            maps = [mapper(image, rule)[0] / temperature for mapper, temperature in pairs]
            self.known[copies] = np.mean(maps, axis=0)
        return self.known[copies], None
