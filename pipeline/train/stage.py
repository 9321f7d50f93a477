"""The train stage: from the tables of preprocess to RUN/model."""

from pipeline.report.model_card import write_model_card
from pipeline.run.stage import Stage
from pipeline.train.data.inputs import inputs_of, read_tables
from pipeline.train.identity import identity
from pipeline.train.parts import leaving_out, parts_of


def train(stage: Stage) -> str:
    """Train, select, calibrate, export; continues an unfinished training of the same kind.

    Where only map settings differ from those of the finished training, its weights stay, and what
    follows from the maps is made anew.

    Reads mammograms.csv, outlines.json, positions.parquet and the store; writes RUN/training
    while it runs, RUN/model and RUN/model-card.md at the end.

    Returns:
        A summary in one line.

    Raises:
        UserError: the data or the settings do not allow a training.
        SystemExit: 130 or 143 after a signal; the same command continues.
    """
    settings, tables = stage.settings, read_tables(stage)
    wanted = identity(stage.run, settings, tables.mammograms)
    each = [tables]
    if settings.train.members > 1:
        parts = parts_of(tables, settings)
        each = [leaving_out(tables, parts, n + 1) for n in range(settings.train.members)]
    inputs = [inputs_of(own, settings) for own in each]
    for number, own in enumerate(each, start=1):
        whose = f"network {number} of {len(each)}, " if len(each) > 1 else ""
        for split in ("train", "validation"):
            counts = ", ".join(f"{number} {name}" for name, number in own.counts(split).items())
            print(f"{whose}{split}: {counts}", flush=True)

    # TensorFlow takes seconds to import, and most that can be wrong so far needs none.
    print("train: TensorFlow starts, 10 seconds or more", flush=True)
    import models  # noqa: F401 - imports it without its chatter
    from pipeline.train.first_weights import ALONE
    from pipeline.train.members import train_members
    from pipeline.train.one_network import train_network

    if len(inputs) > 1:
        summary = train_members(stage, tables, inputs, wanted)
    else:
        summary = train_network(stage, inputs[0], wanted, ALONE)
    # Figures that are there judge a former model, be it one of the same weights.
    stage.events.artifact(write_model_card(stage.run, judged=False))
    return summary
