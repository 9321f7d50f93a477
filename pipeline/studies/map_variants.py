"""Finished trainings with their maps made otherwise: judged without training them again."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.annotations.outlines import read_outlines
from pipeline.model.card import read_card
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
    for image in shown(images, len(images), "other maps"):
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
