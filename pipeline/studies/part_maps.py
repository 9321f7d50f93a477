"""Test mammograms of a run mapped otherwise, with tables as the heatmap stage writes them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.annotations.outlines import Outline, read_outlines, write_outlines
from pipeline.heatmap.image_tables import other_breasts, tabulate, write_tables
from pipeline.model.card import ModelCard
from pipeline.model.image_map import Mapper, map_key, map_mammogram, read_map, write_map
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.tables import (
    read_mammograms,
    read_positions,
    write_mammograms,
    write_positions,
)
from pipeline.run.atomic import write_json
from pipeline.run.layout import RunFolder
from pipeline.run.progress import Plan, shown
from pipeline.run.settings import Remembered, load_settings, recall, remember

Row = Mapping[str, Any]  # of mammograms.csv


def mammograms_of_the_test(run: RunFolder) -> pd.DataFrame:
    """Rows of mammograms.csv of the test patients."""
    mammograms = read_mammograms(run)
    return mammograms[mammograms["split"] == "test"]


def map_part(
    run: RunFolder,
    part: RunFolder,
    mammograms: pd.DataFrame,
    card: ModelCard,
    rule: MapRule,
    mapper_of: Callable[[Row, Sequence[Outline]], Mapper],
    *,
    key_of: Callable[[Row], str] = lambda _: "",
    plan: Plan | None = None,
) -> None:
    """Map mammograms of a run into a run folder of their own, ready for `load_judged`.

    Args:
        run: has the tables of preprocess.
        part: gets the maps, and tables as heatmap writes them.
        card: of the model whose calibration, threshold and label rule count.
        mapper_of: what maps a mammogram, from its row and its outlines.
        key_of: what the logits are computed from; a map that has it is kept. "": none is.
        plan: of the whole work, whose part has the name of the folder.
    """
    positions = read_positions(run)
    positions = positions[positions["image_id"].isin(mammograms["image_id"])]
    known = read_outlines(run)
    outlines = {image_id: known.get(image_id, []) for image_id in mammograms["image_id"]}
    settings, remembered = load_settings(run), recall(run)
    # Whose model: its label rule and its lengths, as every evaluation reads them.
    model = remembered.model or str(run.root)
    remember(part, settings, Remembered(remembered.config, remembered.overrides, model))
    write_mammograms(part, mammograms)
    write_outlines(part, outlines)
    write_positions(part, positions)
    records: list[Row] = mammograms.to_dict("records")
    for mammogram in shown(records, len(records), part.root.name, plan=plan):
        path, key = part.heatmap(mammogram["image_id"]), key_of(mammogram)
        if not (key and map_key(path) == key):
            mapper = mapper_of(mammogram, outlines[mammogram["image_id"]])
            write_map(path, map_mammogram(mammogram, mapper, rule, card.calibration), key=key)
    rows = dict(iter(positions.groupby("image_id")))
    found = (read_map(part.heatmap(record["image_id"])) for record in records)
    others = other_breasts(records, found, rule)
    tables = [
        tabulate(
            mammogram,
            read_map(part.heatmap(mammogram["image_id"])).calibrated(card.calibration),
            rows.get(mammogram["image_id"], positions.iloc[:0]),
            outlines[mammogram["image_id"]],
            rule,
            card,
            other=other,
            min_area_mm2=settings.heatmap.min_region_mm2,
        )
        for mammogram, other in zip(records, others, strict=True)
    ]
    write_tables(part, tables)
    write_json(part.heatmap_summary, {"natural_prior": card.calibration.natural_prior})
