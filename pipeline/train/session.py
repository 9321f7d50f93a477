"""One training, from its first or its unfinished state to the exported model."""

import math
import shutil
from pathlib import Path

import tensorflow as tf

from models.network import NetworkSpec, PatchNetwork, build_network
from models.precision import training_policy
from models.saved import assign_weights, weights_of
from pipeline.config import Settings
from pipeline.model.folder import load_network, network_card
from pipeline.model.validation import MapRule
from pipeline.run.errors import UserError
from pipeline.run.stage import Stage
from pipeline.train.checkpoint import Checkpoint, checkpoint_path
from pipeline.train.data.crops import fitting_shape
from pipeline.train.data.samples import Sampler
from pipeline.train.devices import choose_strategy
from pipeline.train.finish import finish
from pipeline.train.inputs import Inputs
from pipeline.train.loop.learner import Learner
from pipeline.train.loop.logit_check import check_logit
from pipeline.train.loop.stopping import StopRequest, stop_request
from pipeline.train.loop.training_loop import Stopped, TrainingLoop
from pipeline.train.start import check_init, core_px, init_folder, patch_px
from pipeline.train.state import TrainingState, from_checkpoint


def run_session(
    stage: Stage, inputs: Inputs, identity: dict[str, str], checkpoint: Checkpoint | None
) -> str:
    """Build, train, export.

    Args:
        identity: what the training depends on, kept in its checkpoints.
        checkpoint: where to continue, if anywhere.

    Returns:
        A summary in one line.

    Raises:
        UserError: the settings do not fit each other or the model to start from.
        SystemExit: after a signal, with 128 + its number.
    """
    settings = stage.settings
    if settings.train.deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = choose_strategy()
    state, variables = from_checkpoint(checkpoint) if checkpoint else (TrainingState(), None)
    if not state.precision:
        wanted = settings.train.precision
        state.precision = training_policy() if wanted == "auto" else wanted
    learner = build_learner(settings, strategy, precision=state.precision, kinds=len(inputs.kinds))
    if variables:
        learner.restore(variables)
    with stop_request() as request:
        loop = _build_loop(stage, inputs, learner, strategy, state, identity, request)
        _print_start(loop, settings)
        try:
            loop.run()
        except Stopped:
            print(f"Stopped at step {state.step} of {loop.steps}; the same command continues.")
            raise SystemExit(128 + request.signal) from None
    summary = finish(stage, inputs, loop)
    shutil.rmtree(stage.run.training, ignore_errors=True)
    return summary


def build_learner(
    settings: Settings, strategy: tf.distribute.Strategy, *, precision: str, kinds: int = 0
) -> Learner:
    """The network with its first weights, checked, ready for the first step.

    Args:
        precision: a Keras policy.
        kinds: number of kinds of findings that the head tells apart.
    """
    spec = _network_spec(settings, kinds)
    with strategy.scope():
        # The average is what is validated and exported: always float32.
        averaged = _first_weights(settings, spec)
        network = averaged.in_policy(precision)
    learner = Learner(
        network,
        averaged,
        train=settings.train,
        strategy=strategy,
        scale_loss=precision == "mixed_float16",
    )
    check_logit(network, learner.loss)
    return learner


def _network_spec(settings: Settings, kinds: int) -> NetworkSpec:
    network = settings.network
    return NetworkSpec(
        backbone=network.backbone,
        patch_px=patch_px(network, settings.image),
        core_px=core_px(network, settings.image),
        width=network.width,
        dropout=network.dropout,
        head=network.head,
        kinds=kinds,
    )


def _first_weights(settings: Settings, spec: NetworkSpec) -> PatchNetwork:
    folder = init_folder(settings.train.init)
    weights = "none" if folder else settings.network.weights
    try:
        network = build_network(
            spec,
            weights=weights,
            seed=settings.train.seed,
            head_start=settings.network.head_start,
        )
    except ValueError as error:  # a patch or weights that the backbone cannot take
        raise UserError(f"network: {error}.") from error
    if folder:
        if settings.network.weights != "none":
            network.freeze_normalisations()
        _load_init(network, folder, settings)
    return network


def _load_init(network: PatchNetwork, folder: Path, settings: Settings) -> None:
    check_init(folder, network=network_card(network.spec), image=settings.image)
    start = load_network(folder)
    assign_weights(network, weights_of(start), source=str(folder))


def _build_loop(
    stage: Stage,
    inputs: Inputs,
    learner: Learner,
    strategy: tf.distribute.Strategy,
    state: TrainingState,
    identity: dict[str, str],
    request: StopRequest,
) -> TrainingLoop:
    settings, network = stage.settings, learner.network
    spacing_mm = settings.image.spacing_mm
    shape = fitting_shape(
        settings.train.crop_mm,
        spacing_mm=spacing_mm,
        patch_px=network.spec.patch_px,
        stride_px=network.stride_px,
        margin_cells=network.margin_cells,
        tile_px=network.tile_px,
    )
    sampler = Sampler(
        inputs.corpus,
        shape,
        seed=settings.train.seed,
        positive_share=settings.train.positive_share,
        augment=settings.train.augment,
        mined_share=settings.train.mined_share if settings.train.mined else 0.0,
    )
    map_rule = MapRule.from_settings(
        settings.maps,
        spacing_mm=spacing_mm,
        stride_px=network.stride_px,
        label_pitch_px=settings.labels.pitch_px(spacing_mm=spacing_mm),
    )
    return TrainingLoop(
        learner=learner,
        strategy=strategy,
        sampler=sampler,
        validation=inputs.validation,
        map_rule=map_rule,
        train=settings.train,
        state=state,
        events=stage.events,
        checkpoint=checkpoint_path(stage.run),
        identity=identity,
        request=request,
    )


def _print_start(loop: TrainingLoop, settings: Settings) -> None:
    network, shape = loop.learner.network, loop.sampler.shape
    checkpoint_mib = 5 * 4 * sum(math.prod(w.shape) for w in network.weights) / 2**20
    print(
        f"network: {network.spec.backbone}, {network.count_params():,} weights, "
        f"{loop.state.precision}, patches of {network.spec.patch_px} px; crops of "
        f"{shape.size_px} px at {settings.image.spacing_mm:g} mm with "
        f"{(shape.cells - 2 * shape.margin_cells) ** 2} logits each; "
        f"checkpoints of {checkpoint_mib:.0f} MiB",
        flush=True,
    )
