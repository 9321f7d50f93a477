"""The curves of a training as SVG."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.run.atomic import write_atomic
from pipeline.train.loop.checkpoint import TrainingState


def draw_curves(path: Path, state: TrainingState) -> None:
    """Loss of the steps and of the validations above, AUC of the validations below."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    steps = np.arange(1, len(state.losses) + 1)
    top.plot(steps, state.losses, color="0.8", linewidth=0.8, label="training, each step")
    table = pd.DataFrame(state.history).set_index("step").astype(float)
    top.plot(table["train_loss"], label="training, mean of an epoch")
    top.plot(table["validation_loss"], marker="o", label="validation")
    top.set_ylabel("balanced cross-entropy")
    top.legend()
    bottom.plot(table["validation_auc"], marker="o", color="C1")
    if state.best:
        bottom.axvline(state.best.step, color="0.5", linestyle=":", label="exported")
    bottom.set_ylabel("validation AUC")
    bottom.set_xlabel("step")
    bottom.legend()
    write_atomic(path, lambda temporary: figure.savefig(temporary, format="svg"))
