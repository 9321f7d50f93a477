"""The train stage: from the tables of preprocess to RUN/model."""

from pipeline.report.model_card import write_model_card
from pipeline.run.stage import Stage
from pipeline.train.data.inputs import read_inputs, split_counts
from pipeline.train.identity import identity


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
    inputs = read_inputs(stage)
    for split in ("train", "validation"):
        counts = split_counts(inputs, split).items()
        print(f"{split}: {', '.join(f'{number} {name}' for name, number in counts)}", flush=True)
    wanted = identity(stage.run, stage.settings, inputs.mammograms)

    # TensorFlow takes seconds to import, and most that can be wrong so far needs none.
    import models  # noqa: F401 - imports it without its chatter
    from pipeline.train.first_weights import ALONE
    from pipeline.train.members import train_members
    from pipeline.train.one_network import train_network

    if stage.settings.train.members > 1:
        summary = train_members(stage, inputs, wanted)
    else:
        summary = train_network(stage, inputs, wanted, ALONE)
    # Figures that are there judge a former model, be it one of the same weights.
    stage.events.artifact(write_model_card(stage.run, judged=False))
    return summary
