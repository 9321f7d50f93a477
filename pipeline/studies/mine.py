"""Hard negatives: find the worst false alarms on the training patients, train on, compare.

Reads   RUN/model, the training mammograms of RUN
Writes  RUN/mined.csv; RUN/mined, a run that starts from the model and sees them more often;
        RUN/mined/compare-<run>.json, the figures after and before
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pipeline.model.card import model_folder, read_card
from pipeline.model.folder import load_network
from pipeline.model.image_map import NetworkMapper
from pipeline.run.atomic import write_text_if_changed
from pipeline.run.csv_tables import csv_text
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings, recall
from pipeline.run.stage import Stage
from pipeline.studies.compare import compare, comparison_text
from pipeline.studies.subruns import RunStages, in_own_process, run_stages
from pipeline.train.data.inputs import corpus_of, read_tables
from pipeline.train.data.mining import mine
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
