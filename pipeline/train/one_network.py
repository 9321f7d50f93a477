"""The training of one network, from its first or its unfinished state to the exported model."""

import math
import shutil
from dataclasses import replace

import tensorflow as tf

from models.network import PatchNetwork
from models.precision import training_policy
from pipeline.config import Settings
from pipeline.model.crop_shape import CropShape, fitting_shape
from pipeline.model.seen_patients import patients_among
from pipeline.run.stage import Stage
from pipeline.train.chief import Task, told_by_chief
from pipeline.train.data.inputs import Inputs, warn
from pipeline.train.data.samples import Sampler
from pipeline.train.devices import adapt_normalisations, strategy_of
from pipeline.train.finish import finish, finish_again, map_rule
from pipeline.train.first_weights import ALONE, Member, first_network, trained_before
from pipeline.train.identity import is_finished, only_ending_differs, unfinished
from pipeline.train.loop.checkpoint import (
    Checkpoint,
    TrainingState,
    checkpoint_path,
    read_checkpoint,
)
from pipeline.train.loop.device_errors import OutOfMemory, telling_lost_worker
from pipeline.train.loop.learner import Learner
from pipeline.train.loop.logit_check import check_logit
from pipeline.train.loop.training_loop import TrainingLoop
from pipeline.train.loop.watched_maps import WatchedMaps
from pipeline.train.memory import fit_to_memory, micro_batches


def train_network(stage: Stage, inputs: Inputs, wanted: dict[str, str], member: Member) -> str:
    """Build, train, export; go on with an unfinished training of the same kind.

    Where only map settings or the threshold differ from those of a finished training, or where it
    was ended just before all was told, its weights stay.

    Raises:
        UserError: the settings do not fit each other or the model to start from.
        SystemExit: after a signal, with 128 + its number.
    """
    told_half = stage.target_is_new and is_finished(stage.run, wanted)
    if told_half or only_ending_differs(stage.run, wanted):
        summary = finish_again(stage, inputs, wanted)
        shutil.rmtree(stage.run.training, ignore_errors=True)
        return summary
    settings = stage.settings
    checkpoint = unfinished(stage.run, wanted) or beginning(settings, wanted)
    _warn_of_former_training(settings, inputs, member)
    if settings.train.deterministic:
        tf.config.experimental.enable_op_determinism()
    if settings.train.devices == "workers":
        task = Task(member.number, checkpoint.state.step, goes_on=bool(checkpoint.learner))
        told_by_chief(strategy_of(settings.train), task)
    while True:
        with telling_lost_worker(strategy_of(settings.train)):
            loop = loop_from(stage, inputs, checkpoint, member)
        try:
            fit_to_memory(loop)
            loop.run()
            break
        except OutOfMemory as short:
            checkpoint = _with_fewer_crops(short, stage, wanted)
            del loop  # and with it what it holds of the device
    summary = finish(stage, inputs, loop, member)
    shutil.rmtree(stage.run.training, ignore_errors=True)
    return summary


def beginning(settings: Settings, wanted: dict[str, str]) -> Checkpoint:
    """A training before its first step."""
    asked = settings.train.precision
    policy = training_policy() if asked == "auto" else asked
    return Checkpoint(TrainingState(precision=policy), {}, wanted)


def _with_fewer_crops(short: OutOfMemory, stage: Stage, wanted: dict[str, str]) -> Checkpoint:
    """Where a training that ran out of memory goes on, if its settings let it."""
    if stage.settings.train.micro_batch != "auto" or short.crops == 1:
        raise short
    crops = micro_batches(short.crops)[1]
    warn(f"too little memory for {short.crops} crops at once; from the checkpoint with {crops}.")
    saved = read_checkpoint(checkpoint_path(stage.run)) or beginning(stage.settings, wanted)
    saved.state.micro_batch = crops
    return replace(saved, identity=wanted)


def loop_from(
    stage: Stage, inputs: Inputs, checkpoint: Checkpoint, member: Member, *, writes: bool = True
) -> TrainingLoop:
    """The training as a checkpoint left it.

    Args:
        writes: see TrainingLoop.
    """
    settings, precision = stage.settings, checkpoint.state.precision
    kinds = len(inputs.tables.kinds)
    strategy = strategy_of(settings.train)
    learner = build_learner(settings, strategy, precision=precision, kinds=kinds, member=member)
    if checkpoint.learner:
        learner.restore(checkpoint.learner)
    shape = crop_shape(settings, learner.network)
    start = _start_text(learner.network, shape, settings, precision)
    print(f"{member.words or 'network: '}{start}", flush=True)
    return TrainingLoop(
        learner=learner,
        sampler=Sampler(inputs.corpus, shape, settings.train),
        validation=inputs.validation,
        watched=WatchedMaps.of(stage, inputs),
        map_rule=map_rule(settings, learner.network),
        train=settings.train,
        state=checkpoint.state,
        events=stage.events,
        checkpoint=checkpoint_path(stage.run),
        identity=checkpoint.identity,
        member=member,
        writes=writes,
    )


def crop_shape(settings: Settings, network: PatchNetwork) -> CropShape:
    """The crops that a network is trained on."""
    return fitting_shape(
        settings.train.crop_mm,
        spacing_mm=settings.image.spacing_mm,
        patch_px=network.spec.patch_px,
        stride_px=network.stride_px,
        margin_cells=network.margin_cells,
        tile_px=network.tile_px,
    )


def build_learner(
    settings: Settings,
    strategy: tf.distribute.Strategy,
    *,
    precision: str,
    kinds: int = 0,
    member: Member = ALONE,
) -> Learner:
    """The network with its first weights, checked, ready for the first step.

    Args:
        kinds: number of kinds of findings that the head tells apart.
    """
    with strategy.scope():
        # The average is what is validated and exported: always float32.
        averaged = first_network(settings, member, kinds=kinds)
        network = averaged.in_policy(precision)
    adapt_normalisations(network, settings.train, strategy)
    scaled = precision == "mixed_float16"
    learner = Learner(network, averaged, train=settings.train, strategy=strategy, scale_loss=scaled)
    check_logit(network, learner.loss)
    return learner


def _warn_of_former_training(settings: Settings, inputs: Inputs, member: Member) -> None:
    mammograms = inputs.tables.mammograms
    left_out = mammograms[mammograms["split"] == "validation"]
    met = patients_among(left_out, sorted(trained_before(settings, member)))
    if met:
        warn(
            f"the network in {settings.train.init} (train.init) was trained on {met} of the "
            f"{left_out['patient_id'].nunique()} patients whom this one leaves out, or may have "
            "been: its validation figures and its calibration are too good to be true."
        )


def _start_text(network: PatchNetwork, shape: CropShape, settings: Settings, precision: str) -> str:
    checkpoint_mib = 5 * 4 * sum(math.prod(w.shape) for w in network.weights) / 2**20
    return (
        f"seed {settings.train.seed}, {network.spec.backbone}, {network.count_params():,} weights, "
        f"{precision}, patches of {network.spec.patch_px} px; crops of "
        f"{shape.size_px} px at {settings.image.spacing_mm:g} mm with "
        f"{(shape.cells - 2 * shape.margin_cells) ** 2} positions each; "
        f"checkpoints of {checkpoint_mib:.0f} MiB"
    )
