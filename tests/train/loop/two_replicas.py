"""Trains a few steps on one device and on two, and prints the largest difference of a weight.

Run by test_learner.py in a process of its own: devices are fixed once TensorFlow has started.
"""

import keras
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from models.dropout import RowDropout  # noqa: E402
from models.network import NetworkSpec, PatchNetwork  # noqa: E402
from pipeline.config import TrainSettings  # noqa: E402
from pipeline.train.data.augmentation import GreySteps, View  # noqa: E402
from pipeline.train.data.grey_on_device import StoredCrops, stored_crop  # noqa: E402
from pipeline.train.devices import adapt_normalisations, strategy_of  # noqa: E402
from pipeline.train.loop.learner import Learner  # noqa: E402

STEPS = 3
LEFT_TO_DO = GreySteps(noise_map=0.1, alpha=0.8, gamma=0.7)


def small_network(*, follows: bool):
    """With dropout, and a normalisation that follows the batch or stays as it is."""
    image = keras.Input((None, None, 1))
    inner = keras.layers.Conv2D(4, 32, 4, activation="relu", name="conv")
    norm = keras.layers.BatchNormalization(trainable=follows, name="norm")
    map_of = keras.Input((None, None, 1))
    x = keras.Model(map_of, norm(inner(map_of)), name="backbone")(image)
    x = RowDropout(0.5, name="dropout")(x)
    x = keras.layers.Conv2D(1, 1, name="logit")(x)
    network = PatchNetwork(image, keras.layers.Lambda(lambda y: y[..., 0])(x))
    network.spec = NetworkSpec("small", 32, dropout=0.5)
    rng = np.random.default_rng(0)
    for weight in network.weights:
        scale = 1.0 if "variance" in weight.path else 0.0
        weight.assign(scale + rng.normal(0, 0.1, weight.shape))
    return network


def batches(*, stored):
    """With finished crops, or with stored ones whose noise is still to be drawn."""
    rng = np.random.default_rng(0)
    images = rng.random((STEPS, 4, 48, 48, 1), np.float32)
    if stored:
        pixels = (images.reshape(-1, 48, 48) * 65535).astype(np.uint16)
        views = [View(each, LEFT_TO_DO, np.eye(2, 3)) for each in pixels]
        crops = [stored_crop(view, seed=seed) for seed, view in enumerate(views)]
        parts = [np.stack(each) for each in zip(*crops, strict=True)]
        images = StoredCrops(*(each.reshape(STEPS, 4, *each.shape[1:]) for each in parts))
    targets = rng.integers(-1, 2, (STEPS, 4, 5, 5)).astype(np.int8)
    # All positives of the last batch on one replica: each half is a mean over both.
    targets[-1, 2:] = np.minimum(targets[-1, 2:], 0)
    return tf.data.Dataset.from_tensor_slices((images, targets)).unbatch().batch(4)


def trained(devices, *, follows, stored, micro_batch=0):
    # A limit that clips every gradient: it must see the sum of both replicas.
    settings = TrainSettings(clip_norm=0.01, devices=devices)
    strategy = strategy_of(settings)
    with strategy.scope():
        network, averaged = (small_network(follows=follows) for _ in range(2))
    adapt_normalisations(network, settings, strategy)
    learner = Learner(network, averaged, train=settings, strategy=strategy, scale_loss=True)
    learner.micro_batch = micro_batch
    results = []
    for step, (images, targets) in enumerate(
        strategy.experimental_distribute_dataset(batches(stored=stored))
    ):
        result = learner.step(images, targets, step=step, rate=1e-2, decay=0.5)
        results += [float(result.loss), float(result.gradient_norm)]
    state = learner.state()
    learner.restore(state)
    return np.array(results), state


def main():
    for follows, micro_batch in ((True, 0), (False, 0), (False, 1)):
        options = {"follows": follows, "stored": micro_batch > 0}
        one_results, one = trained("one", **options)
        two_results, two = trained("all", **options, micro_batch=micro_batch)
        weights = [name for name in one if name.startswith(("network/", "averaged/"))]
        assert any(np.ptp(one[name]) > 0 for name in weights)
        print("results", np.abs(one_results / two_results - 1).max())
        print("weights", max(np.abs(one[name] - two[name]).max() for name in weights))


if __name__ == "__main__":
    main()
