"""The maps that a finished training was calibrated on, made once more."""

from pipeline.config import Settings
from pipeline.model.folder import load_network
from pipeline.model.image_map import NetworkMapper
from pipeline.model.map_rule import MapRule
from pipeline.model.validation import MappedImage, at_one_level, map_image, read_validation
from pipeline.run.layout import RunFolder
from pipeline.train.data.inputs import Tables, read_tables
from pipeline.train.parts import leaving_out, parts_of
from tests.train.toy_run import stage_of


def tables_of(run: RunFolder, settings: Settings) -> Tables:
    return read_tables(stage_of(run, settings))


def rule_of(settings: Settings) -> MapRule:
    return MapRule.from_settings(settings.maps, settings.image, settings.labels, stride_px=4)


def out_of_fold(run: RunFolder, settings: Settings) -> tuple[list[MappedImage], float]:
    """The map of each woman left out by the network that left her out, and their usual level."""
    tables, rule = tables_of(run, settings), rule_of(settings)
    pairs = [(run, tables)]
    if (members := settings.train.members) > 1:
        parts = parts_of(tables, settings)
        pairs = [(run.member(n), leaving_out(tables, parts, n)) for n in range(1, members + 1)]
    maps = []
    for of, own in pairs:
        mapper = NetworkMapper(load_network(of.model))
        images = read_validation(
            own.mammograms, own.outlines, own.positions, labels=settings.labels
        )
        maps.append([map_image(mapper, image, rule) for image in images])
    return at_one_level(maps, share=rule.level_share)
