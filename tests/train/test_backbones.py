"""A network of keras.applications in training: its normalisations live, or stay as they are."""

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from pipeline.config import MapSettings, NetworkSettings
from pipeline.model.folder import load_network
from pipeline.preprocess.tables import read_mammograms
from pipeline.train.identity import identity
from pipeline.train.one_network import build_learner
from pipeline.train.stage import train
from tests.train.toy_run import stage_of, toy_settings, write_toy_run


def settings_of(*, weights="none", **options):
    """The smallest crops that MobileNet can be trained on."""
    settings = toy_settings(epochs=1, steps_per_epoch=2, crop_mm=25.6, **options)
    network = NetworkSettings(backbone="MobileNet", weights=weights, patch_mm=6.4)
    return settings.model_copy(update={"network": network, "maps": MapSettings(pitch_mm=3.2)})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two steps from random weights."""
    run = write_toy_run(tmp_path_factory.mktemp("backbone") / "run")
    summary = train(stage_of(run, settings_of()))
    assert "validation AUC" in summary
    return run


def test_statistics_follow_the_crops_and_are_part_of_the_model(finished):
    weights = load_file(finished.model / "model.safetensors")
    means = [w for name, w in weights.items() if name.endswith("moving_mean")]
    assert len(means) == 23
    assert all(np.abs(mean).max() > 0 for mean in means)
    assert all(np.isfinite(w).all() for w in weights.values())


def test_a_model_is_fine_tuned_with_the_normalisations_that_it_was_trained_with(finished):
    settings = settings_of(weights="imagenet", init=finished.root)
    learner = build_learner(settings, tf.distribute.get_strategy(), precision="float32")
    assert learner.network.is_frozen
    assert learner.averaged.is_frozen
    crops = tf.constant(np.random.default_rng(0).random((2, 64, 64, 1), np.float32))
    expected = load_network(finished.model)(crops, training=False)
    np.testing.assert_allclose(learner.network(crops, training=False), expected, atol=1e-5)


def test_another_file_of_first_weights_is_another_training(finished, tmp_path):
    file = tmp_path / "first.weights.h5"
    names = []
    for content in (b"first", b"second"):
        file.write_bytes(content)
        settings = settings_of(weights=str(file))
        names.append(identity(finished, settings, read_mammograms(finished))["first weights"])
    assert names[0] != names[1]
    assert "" not in names
