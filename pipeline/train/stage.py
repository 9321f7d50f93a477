"""The train stage: from the tables of preprocess to RUN/model."""

from pipeline.report.model_card import write_model_card
from pipeline.run.stage import Stage
from pipeline.train.data.inputs import Inputs, Tables, inputs_of, read_tables
from pipeline.train.identity import identity
from pipeline.train.parts import leaving_out, parts_of


def read_inputs(stage: Stage) -> tuple[Tables, list[Inputs]]:
    """The tables of a run, and what is drawn from them for each network.

    Raises:
        UserError: a table is missing, or the settings do not go together.
    """
    settings, tables = stage.settings, read_tables(stage)
    each = [tables]
    if settings.train.members > 1:
        parts = parts_of(tables, settings)
        each = [leaving_out(tables, parts, n + 1) for n in range(settings.train.members)]
    return tables, [inputs_of(own, settings) for own in each]


def train(stage: Stage) -> str:
    """Train, select, calibrate, export; continues an unfinished training of the same kind.

    Where only map settings differ from those of the finished training, its weights stay, and what
    follows from the maps is made anew.

    Reads mammograms.csv, outlines.json, positions.parquet and the store; writes RUN/training
    while it runs, RUN/model and RUN/model-card.md at the end.

    Raises:
        UserError: the data or the settings do not allow a training.
        SystemExit: 128 + its number after a signal; the same command continues.
    """
    tables, inputs = read_inputs(stage)
    wanted = identity(stage.run, stage.settings, tables.mammograms)
    for number, own in enumerate(inputs, start=1):
        whose = f"network {number} of {len(inputs)}, " if len(inputs) > 1 else ""
        for split in ("train", "validation"):
            counted = own.tables.counts(split).items()
            counts = ", ".join(f"{number} {name}" for name, number in counted)
            print(f"{whose}{split}: {counts}", flush=True)

    # TensorFlow takes seconds to import, and most that can be wrong so far needs none.
    print("train: TensorFlow starts, 10 seconds or more", flush=True)
    import models  # noqa: F401 - imports it without its chatter
    from pipeline.train.chief import told_by_chief
    from pipeline.train.devices import strategy_of
    from pipeline.train.first_weights import ALONE
    from pipeline.train.members import train_members
    from pipeline.train.one_network import train_network

    if len(inputs) > 1:
        summary = train_members(stage, tables, inputs, wanted)
    else:
        summary = train_network(stage, inputs[0], wanted, ALONE)
    if stage.settings.train.devices == "workers":
        told_by_chief(strategy_of(stage.settings.train))  # that nothing is left to do
    # Figures that are there judge a former model, be it one of the same weights.
    stage.events.artifact(write_model_card(stage.run, judged=False))
    return summary
