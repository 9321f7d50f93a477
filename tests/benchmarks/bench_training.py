"""A training step beside Keras `fit` of the same network on the same batches.

`fit` clips gradients and keeps the running average of the weights, as the step does.
"""

import keras
import numpy as np
import tensorflow as tf

from models.network import build_network
from pipeline.config import Settings
from pipeline.train.loop.loss import balanced_loss
from pipeline.train.one_network import build_learner
from tests.benchmarks.measure import Row, interleaved

CROP_PX, BATCH, STEPS = 320, 4, 6
SETTINGS = Settings(
    image={"spacing_mm": 0.1},
    network={"backbone": "efficientnet_lite0", "patch_mm": 12.8, "weights": "none"},
    train={"precision": "float32"},
)


def rows(repeats: int = 15) -> list[Row]:
    """Some steps of EfficientNet-Lite0."""
    learner = build_learner(SETTINGS, tf.distribute.get_strategy(), precision="float32")
    train, random = SETTINGS.train, np.random.default_rng(0)
    images = random.random((STEPS * BATCH, CROP_PX, CROP_PX, 1), np.float32)
    cells = learner.network(images[:1]).shape[1]
    targets = random.integers(0, 2, (len(images), cells, cells)).astype(np.int8)
    model = build_network(learner.network.spec)
    model.compile(
        optimizer=keras.optimizers.AdamW(
            1e-4, weight_decay=train.weight_decay, global_clipnorm=train.clip_norm, use_ema=True
        ),
        loss=lambda wanted, logits: balanced_loss(logits, tf.cast(wanted, tf.int8)),
    )
    batches = tf.data.Dataset.from_tensor_slices((images, targets)).batch(BATCH).cache()

    def steps():
        for number, (x, y) in enumerate(batches):
            learner.step(x, y, step=number, rate=1e-4, decay=0.99).loss.numpy()

    ways = {"steps": steps, "fit": lambda: model.fit(batches, epochs=1, verbose=0)}
    times = interleaved(ways, max(3, repeats // 3))
    name = f"{STEPS} training steps of EfficientNet-Lite0, {BATCH} crops of {CROP_PX} px"
    return [times.row(f"{name}, against Keras fit", "steps", "fit", target=1)]
