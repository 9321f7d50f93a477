"""A process that helps the chief train: it takes the same steps on its own rows of each batch.

It reads the run folder, which all processes must see, and writes nothing. The chief tells it before
each network where that begins; meanwhile, and while the chief validates, it waits.
"""

from pathlib import Path

import keras

from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings
from pipeline.run.stage import Stage, ended_by_signals
from pipeline.train.chief import told_by_chief
from pipeline.train.devices import strategy_of
from pipeline.train.first_weights import Member
from pipeline.train.loop.checkpoint import checkpoint_path, read_checkpoint
from pipeline.train.loop.device_errors import telling_lost_worker
from pipeline.train.members import stage_of_member
from pipeline.train.memory import fit_to_memory
from pipeline.train.one_network import beginning, loop_from
from pipeline.train.stage import read_inputs


def help_train(run_root: Path) -> None:
    """Help with all networks of a training until the chief is done.

    Raises:
        UserError: the chief or another helper is gone, or this process sees other files.
        SystemExit: after a signal, with 128 + its number.
    """
    run = RunFolder(run_root)
    settings = load_settings(run)
    stage = Stage(run, settings, EventLog(run, "train"))
    with ended_by_signals("train"):
        _, inputs = read_inputs(stage)
        strategy = strategy_of(settings.train)
        while (task := told_by_chief(strategy)).network:
            own = stage if len(inputs) == 1 else stage_of_member(stage, task.network)
            found = read_checkpoint(checkpoint_path(own.run)) if task.goes_on else None
            checkpoint = found or beginning(own.settings, {})
            if checkpoint.state.step != task.step:
                raise UserError(
                    f"The chief begins at step {task.step}, {own.run.training} is at step "
                    f"{checkpoint.state.step}: the run folder must be one that all processes see."
                )
            member = Member(task.network, len(inputs))
            with telling_lost_worker(strategy):
                loop = loop_from(own, inputs[task.network - 1], checkpoint, member, writes=False)
            fit_to_memory(loop)
            loop.run()
            keras.backend.clear_session()
    print("train: the chief is done.", flush=True)
