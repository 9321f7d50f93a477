"""A training that has too little memory: a sentence, or fewer crops at once."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from models.network import NetworkSpec
from pipeline.config import TrainSettings
from pipeline.run.errors import UserError
from pipeline.train import memory
from pipeline.train.devices import adapt_normalisations
from pipeline.train.loop.checkpoint import checkpoint_path, read_checkpoint
from pipeline.train.loop.learner import Learner
from pipeline.train.loop.training_loop import TrainingLoop
from pipeline.train.stage import train
from tests.train.toy_run import SHORT, stage_of, toy_settings


def short_of_memory(monkeypatch, *, above, from_step=0):
    """Steps of more crops at once than `above` fail, as on a device that has no more memory."""
    real = Learner.step

    def step(self, images, targets, **numbers):
        if (self.micro_batch or len(images)) > above and numbers["step"] >= from_step:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return real(self, images, targets, **numbers)

    monkeypatch.setattr(Learner, "step", step)


def weights(run):
    return load_file(run.model / "model.safetensors")


def test_too_little_memory_is_said_with_three_settings(toy_run, monkeypatch, capsys):
    monkeypatch.setattr(memory, "free_memory_bytes", lambda: 10**6)
    short_of_memory(monkeypatch, above=3)
    with pytest.raises(UserError, match="too little memory for 4 crops of 96 px") as told:
        train(stage_of(toy_run, toy_settings(**SHORT)))
    assert re.findall(r"train\.\w+(?==)", str(told.value)) == [
        "train.micro_batch",
        "train.recompute",
        "train.precision",
    ]
    said = capsys.readouterr()
    assert "of 1 MB free on this machine: weights" in said.out
    assert re.search(r"training may take \d+ MB, more than is free", said.err)


def test_auto_finds_what_fits_and_trains_the_same(shared_single, toy_run, monkeypatch, capsys):
    short_of_memory(monkeypatch, above=3)
    train(stage_of(toy_run, toy_settings(**SHORT, micro_batch="auto")))
    out = capsys.readouterr().out
    assert "2 of 4 crops at once" in out
    assert "activations of 2 crops at once" in out
    whole = weights(shared_single)
    for name, found in weights(toy_run).items():
        np.testing.assert_allclose(found, whole[name], atol=1e-6)


def test_auto_goes_on_from_the_checkpoint_with_fewer(toy_run, monkeypatch, capsys):
    settings = toy_settings(epochs=1, steps_per_epoch=4, micro_batch="auto")
    eager = settings.train.model_copy(update={"checkpoint_seconds": 0})
    eager = settings.model_copy(update={"train": eager})
    with monkeypatch.context() as patch, pytest.raises(UserError, match="for 1 crops"):
        short_of_memory(patch, above=0, from_step=2)
        train(stage_of(toy_run, eager))
    said = capsys.readouterr()
    assert "too little memory for 4 crops at once; from the checkpoint with 2." in said.err
    assert "with 1." in said.err
    checkpoint = read_checkpoint(checkpoint_path(toy_run))
    assert (checkpoint.state.step, checkpoint.state.micro_batch) == (2, 4)
    short_of_memory(monkeypatch, above=2)
    monkeypatch.setattr(TrainingLoop, "attempt", lambda *_: 1 / 0)  # it is known already
    train(stage_of(toy_run, settings))
    assert "Continuing the unfinished training at step 2" in capsys.readouterr().out
    assert toy_run.model_file.is_file()


def test_normalisations_that_follow_the_batch_refuse_a_part_of_it():
    spec = NetworkSpec("MobileNetV2", 64)
    network = SimpleNamespace(is_frozen=False, normalisations=[SimpleNamespace()], spec=spec)
    for settings in (TrainSettings(micro_batch=2), TrainSettings(recompute=True)):
        with pytest.raises(UserError, match="whose batch normalisations follow the whole batch"):
            adapt_normalisations(network, settings, tf.distribute.get_strategy())
