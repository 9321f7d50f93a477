"""A training step beside Keras `fit` of the same network on the same batches.

`fit` clips gradients and keeps the running average of the weights, as the step does; losses are
read at the end of the steps, as in a training.
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from models.network import build_network
from pipeline.config import Settings
from pipeline.train.loop.learner import Learner
from pipeline.train.loop.loss import balanced_loss
from pipeline.train.one_network import build_learner
from tests.benchmarks.measure import Row, interleaved

CROP_PX, BATCH, STEPS = 320, 4, 6
RATE, DECAY = 1e-4, 0.99
NAME = f"{STEPS} training steps of EfficientNet-Lite0, {BATCH} crops of {CROP_PX} px"
SETTINGS = Settings(
    image={"spacing_mm": 0.1},
    network={"backbone": "efficientnet_lite0", "patch_mm": 12.8, "weights": "none"},
    train={"precision": "float32"},
)


def rows(repeats: int = 15) -> list[Row]:
    """Some steps of EfficientNet-Lite0."""
    learner, images, targets = learning()
    model, train = build_network(learner.network.spec), SETTINGS.train
    model.compile(
        optimizer=keras.optimizers.AdamW(
            RATE, weight_decay=train.weight_decay, global_clipnorm=train.clip_norm, use_ema=True
        ),
        loss=lambda wanted, logits: balanced_loss(logits, tf.cast(wanted, tf.int8)),
    )
    batches = tf.data.Dataset.from_tensor_slices((images, targets)).batch(BATCH).cache()
    fit = lambda: model.fit(batches, epochs=1, verbose=0, shuffle=False)  # noqa: E731
    times = interleaved({"steps": steps_of(learner, batches), "fit": fit}, max(3, repeats))
    return [times.row(f"{NAME}, against Keras fit", "steps", "fit", target=1)]


def learning() -> tuple[Learner, np.ndarray, np.ndarray]:
    """A network to train, crops (N, H, W, 1) and targets (N, h, w)."""
    learner = build_learner(SETTINGS, tf.distribute.get_strategy(), precision="float32")
    random = np.random.default_rng(0)
    images = random.random((STEPS * BATCH, CROP_PX, CROP_PX, 1), np.float32)
    cells = learner.network(images[:1]).shape[1]
    return learner, images, random.integers(0, 2, (len(images), cells, cells)).astype(np.int8)


def steps_of(learner: Learner, batches: tf.data.Dataset) -> Callable[[], list[float]]:
    """What takes a step on each batch."""

    def steps():
        results = [
            learner.step(x, y, step=number, rate=RATE, decay=DECAY)
            for number, (x, y) in enumerate(batches)
        ]
        return [float(result.loss) for result in results]

    return steps
