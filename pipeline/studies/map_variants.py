"""Finished trainings with their maps made otherwise: judged without training them again."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.annotations.outlines import read_outlines
from pipeline.model.card import read_card
from pipeline.model.folder import load_network
from pipeline.model.validation import (
    MapRule,
    at_one_level,
    read_validation,
    score_map,
    validation_figures,
)
from pipeline.preprocess.store.entries import network_input, read_image
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.layout import RunFolder
from pipeline.run.progress import shown
from pipeline.run.settings import load_settings


def judge_other_maps(runs: Sequence[RunFolder], variants: Mapping[str, Mapping]) -> dict[str, dict]:
    """Validation figures of the mean of some runs' models for each way to make its maps.

    Args:
        runs: with a finished model each, of the same settings but for their seeds.
        variants: name -> what differs from the map settings of the first run.

    Returns:
        name -> `validation_figures`.
    """
    import models  # noqa: F401 - imports TensorFlow without its chatter
    from models.dense import logit_map

    settings, networks = load_settings(runs[0]), [load_network(run.model) for run in runs]
    temperatures = (
        [read_card(run.model).calibration.temperature for run in runs] if len(runs) > 1 else [1.0]
    )
    rules = {
        name: MapRule.from_settings(
            settings.maps.model_copy(update=dict(change)),
            spacing_mm=settings.image.spacing_mm,
            stride_px=networks[0].stride_px,
            label_pitch_px=settings.labels.pitch_px(spacing_mm=settings.image.spacing_mm),
        )
        for name, change in variants.items()
    }
    tables = read_mammograms(runs[0]), read_outlines(runs[0]), read_positions(runs[0])
    images = read_validation(*tables, labels=settings.labels)
    scores = {name: [] for name in rules}
    for image in shown(iter(images), len(images), "other maps"):
        pixels = network_input(read_image(image.store))
        logits = {}
        for name, rule in rules.items():
            copies = rule.pitch_px, rule.flips, rule.zooms
            if copies not in logits:
                how = {"pitch_px": rule.pitch_px, "flips": rule.flips, "zooms": rule.zooms}
                maps = [
                    logit_map(network, pixels, **how) / temperature
                    for network, temperature in zip(networks, temperatures, strict=True)
                ]
                logits[copies] = np.mean(maps, axis=0)
            scores[name].append(score_map(logits[copies], image, rule))
    return {
        name: validation_figures(images, at_one_level(scores[name], share=rule.level_share)[0])
        for name, rule in rules.items()
    }
