"""Hard negatives: find the worst false alarms on the training patients, train on, compare.

Reads   RUN/model, the training mammograms of RUN
Writes  RUN/mined.csv; RUN/mined, a run that starts from the model and sees them more often;
        RUN/mined/compare-<run>.json, the figures after and before
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.annotations.labels import NEGATIVE
from pipeline.model.candidates import find_candidates
from pipeline.model.card import model_folder, read_card
from pipeline.model.folder import load_network
from pipeline.model.image_map import Mapper, NetworkMapper, map_entry
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.positions import position_grid
from pipeline.run.atomic import write_text_if_changed
from pipeline.run.csv_tables import csv_text
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.progress import shown
from pipeline.run.settings import load_settings, recall
from pipeline.run.stage import Stage
from pipeline.studies.compare import compare, comparison_text
from pipeline.studies.subruns import RunStages, in_own_process, run_stages
from pipeline.train.data.corpus import TrainingImage
from pipeline.train.data.inputs import corpus_of, read_tables
from pipeline.train.parts import that_train

# The second training is shorter and gentler than the first: it corrects, it does not begin.
EPOCHS_SHARE, RATE_SHARE = 0.5, 0.3


def write_false_alarms(run_root: Path, limit: int) -> None:
    """Write RUN/mined.csv: the worst false alarms on the training patients.

    Raises:
        UserError: no false alarm is found.
    """
    run = RunFolder(run_root)
    stage = Stage(run, load_settings(run), EventLog(run, "mine"))
    card = read_card(model_folder(run))
    mapper = NetworkMapper(load_network(card.folder))
    tables = that_train(read_tables(stage), stage.settings)
    images = list(corpus_of(tables, stage.settings).images)
    table = mine(images, mapper, card.map_rule(stride_px=mapper.stride_px), limit=limit)
    if table.empty:
        raise UserError("The model has no local maximum at a negative position: nothing to mine.")
    write_text_if_changed(run.mined_table, csv_text(table, float_format="%.6g"))


def mine_and_train(
    stage: Stage,
    *,
    limit: int,
    in_own_process: Callable[..., int] = in_own_process,
    run_stages: RunStages = run_stages,
) -> str:
    """Mine, train on, judge before and after on the same test patients.

    Args:
        in_own_process: calls a function there and returns an exit status.

    Returns:
        The comparison as text.

    Raises:
        UserError: the run has no finished model of its own.
        SystemExit: the mining failed, and has said why.
    """
    run, model = stage.run, recall(stage.run).model
    if model:
        raise UserError(f"{run.root} uses the model of {model}. Mine there: RUN={model}.")
    print("--- the worst false alarms on the training patients", flush=True)
    # The network that mines must have left the GPU when the next one trains.
    status = in_own_process(write_false_alarms, run.root, limit)
    if status:
        raise SystemExit(status)
    table = pd.read_csv(run.mined_table)
    stage.events.metrics({"mined": len(table), "lowest_logit": float(table["logit"].min())})
    stage.events.artifact(run.mined_table)
    train = stage.settings.train
    own = {
        "train.init": str(run.root),
        "train.mined": str(run.mined_table),
        "train.epochs": str(max(1, round(EPOCHS_SHARE * train.epochs))),
        "train.learning_rate": f"{RATE_SHARE * train.learning_rate:.6g}",
    }
    print(f"--- training on with {len(table)} false alarms", flush=True)
    run_stages(run.mined, run, own, upto="evaluate")
    content = compare(run.mined, run, stage.settings.evaluate)
    return f"{len(table)} false alarms in {run.mined_table}\n{comparison_text(content)}"


MINED_COLUMNS = ("image_id", "row", "col", "row_standard", "col_standard", "logit")
# Of one mammogram, so that a single difficult breast does not fill the table.
MOST_PER_IMAGE = 10


def mine(images: list[TrainingImage], mapper: Mapper, rule: MapRule, *, limit: int) -> pd.DataFrame:
    """The highest candidates at negative positions of the training mammograms.

    Never in an outline or its ignored surroundings, and never of other patients: `images` are
    those of the training.

    Returns:
        Table of MINED_COLUMNS; row and col in original pixels.
    """
    found = [_alarms(image, mapper, rule) for image in shown(images, len(images), "mine: maps")]
    table = pd.concat(found, ignore_index=True).sort_values(
        ["logit", "image_id", "row_standard", "col_standard"], ascending=[False, True, True, True]
    )
    return table.head(limit).reset_index(drop=True)


def _alarms(image: TrainingImage, mapper: Mapper, rule: MapRule) -> pd.DataFrame:
    logits, _ = map_entry(image.store, mapper, rule)
    found = find_candidates(logits, replace(rule, max_candidates=5 * MOST_PER_IMAGE))
    at_row, at_col = found.rows, found.cols
    rows, cols = position_grid(image.height, image.width, rule.pitch_px)
    negative = image.labels(rows[at_row], cols[at_col]) == NEGATIVE
    kept = np.flatnonzero(negative)[:MOST_PER_IMAGE]
    row_standard, col_standard = rows[at_row[kept]], cols[at_col[kept]]
    row, col = image.geometry.to_original(row_standard, col_standard)
    return pd.DataFrame(
        {
            "image_id": image.image_id,
            "row": row,
            "col": col,
            "row_standard": row_standard,
            "col_standard": col_standard,
            "logit": logits[at_row[kept], at_col[kept]],
        },
        columns=list(MINED_COLUMNS),
    )
