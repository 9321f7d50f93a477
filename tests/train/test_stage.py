"""The whole stage on toy mammograms: it learns, continues exactly, and loses nothing."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
from safetensors.numpy import load_file
from tensorflow.python.framework import config as tf_config

from models.dense import logit_map, logit_map_with_spread
from pipeline.config import TrainSettings
from pipeline.model.card import FORMAT, card_path, read_card
from pipeline.model.folder import load_network
from pipeline.model.map_grid import finite_positions, map_level
from pipeline.model.recipe import RECIPE
from pipeline.model.seen_patients import pixel_hashes
from pipeline.preprocess.store.entries import network_input, read_breast, read_image
from pipeline.preprocess.tables import read_mammograms
from pipeline.report.data_dictionary import columns_of
from pipeline.run.errors import UserError
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.train.first_weights import check_init
from pipeline.train.identity import identity
from pipeline.train.loop import training_loop
from pipeline.train.loop.checkpoint import checkpoint_path
from pipeline.train.loop.learner import Learner
from pipeline.train.stage import train
from tests.train.toy_run import stage_of, toy_settings, write_toy_run

EXACT = {"deterministic": True, "epochs": 2, "steps_per_epoch": 5}


class Crash(Exception):
    pass


@pytest.fixture(autouse=True)
def random_again():
    """Undo train.deterministic, which holds for the whole process."""
    yield
    tf_config.disable_op_determinism()


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> RunFolder:
    """A run that trained without a break."""
    run = write_toy_run(tmp_path_factory.mktemp("finished") / "run")
    train(stage_of(run, toy_settings(**EXACT)))
    return run


def always_saving(settings):
    """checkpoint_seconds=0, which users may not ask for."""
    eager = settings.train.model_copy(update={"checkpoint_seconds": 0})
    return settings.model_copy(update={"train": eager})


def crash_at(monkeypatch, step):
    real = Learner.step

    def crashing(self, *args, **kwargs):
        if kwargs["step"] == step:
            raise Crash
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Learner, "step", crashing)


def assert_same_model(run, other):
    name = "model.safetensors"
    assert (run.model / name).read_bytes() == (other.model / name).read_bytes()
    ours, theirs = description(run), description(other)
    for key in ("calibration", "region_threshold", "sha256", "network"):
        assert ours[key] == theirs[key]


def description(run):
    return json.loads(run.model_file.read_text())


def test_two_deterministic_runs_give_the_same_bytes_even_after_a_crash(
    finished, toy_run, monkeypatch, capsys
):
    with monkeypatch.context() as patch, pytest.raises(Crash):
        crash_at(patch, 7)
        train(stage_of(toy_run, always_saving(toy_settings(**EXACT))))
    assert checkpoint_path(toy_run).is_file()
    assert not toy_run.model.exists()
    train(stage_of(toy_run, toy_settings(**EXACT)))
    assert "Continuing the unfinished training at step 7" in capsys.readouterr().out
    assert_same_model(toy_run, finished)
    assert not toy_run.training.exists()


def test_a_training_that_draws_noise_on_the_device_goes_on_exactly_too(
    finished, toy_run, tmp_path, monkeypatch
):
    settings = toy_settings(**EXACT, grey_on_device=True)
    whole = write_toy_run(tmp_path / "whole")
    train(stage_of(whole, settings))
    with monkeypatch.context() as patch, pytest.raises(Crash):
        crash_at(patch, 7)
        train(stage_of(toy_run, always_saving(settings)))
    train(stage_of(toy_run, settings))
    assert_same_model(toy_run, whole)
    weights = [(run.model / "model.safetensors").read_bytes() for run in (whole, finished)]
    assert weights[0] != weights[1]  # its noise is another one


def test_what_older_code_trained_is_what_the_defaults_of_later_settings_train(finished):
    def of(**train):
        settings = toy_settings().model_copy(update={"train": TrainSettings(**train)})
        return identity(finished, settings, read_mammograms(finished))["train settings"]

    # As in models of before train.grey_on_device. Another default of a setting is another training,
    # and then this is another checksum.
    before = "226220e2a94c6e6dd8c1630f380b664cf264e6ab8d3edaefad99f3425fe5bab9"
    assert of() == of(grey_on_device=False) == before
    assert of(grey_on_device=True) != before


def test_the_calibration_is_fitted_on_maps_over_all_copies(toy_run, monkeypatch):
    asked = []

    for mapping in (logit_map, logit_map_with_spread):

        def noting(*args, real=mapping, **options):
            asked.append((options.get("flips", 1), options.get("zooms", (1.0,))))
            return real(*args, **options)

        monkeypatch.setattr(f"models.dense.{mapping.__name__}", noting)
    settings = toy_settings(epochs=1, steps_per_epoch=1)
    maps = settings.maps.model_copy(update={"flips": 2, "zooms": (0.8, 1.0)})
    train(stage_of(toy_run, settings.model_copy(update={"maps": maps})))
    images = len(asked) // 2
    assert asked == [(1, (1.0,))] * images + [(2, (0.8, 1.0))] * images


def test_the_model_knows_the_level_of_its_validation_maps(toy_run):
    settings = toy_settings(epochs=1, steps_per_epoch=1)
    maps = settings.maps.model_copy(update={"level_share": 0.5})
    train(stage_of(toy_run, settings.model_copy(update={"maps": maps})))
    network, mammograms = load_network(toy_run.model), read_mammograms(toy_run)
    levels = []
    for row in mammograms[mammograms["split"] == "validation"].itertuples():
        pixels = read_image(row.store)
        logits = logit_map(network, network_input(pixels), pitch_px=8)
        finite = finite_positions(
            read_breast(row.store), height=pixels.shape[0], width=pixels.shape[1], pitch_px=8
        )
        levels.append(map_level(logits, finite))
    assert description(toy_run)["usual_level"] == pytest.approx(np.mean(levels), abs=1e-4)


def test_a_crash_in_a_validation_repeats_no_map(finished, toy_run, monkeypatch):
    maps = []

    def mapping(*args, **kwargs):
        maps.append(args)
        if len(maps) == 3:
            raise Crash
        return logit_map(*args, **kwargs)

    monkeypatch.setattr("models.dense.logit_map", mapping)
    with pytest.raises(Crash):
        train(stage_of(toy_run, always_saving(toy_settings(**EXACT))))
    train(stage_of(toy_run, toy_settings(**EXACT)))
    assert len(maps) == 10  # three images, two validations, one crash; three at the end
    assert_same_model(toy_run, finished)
    shown = [(e["key"], e["step"]) for e in read_events(toy_run.events) if e["event"] == "image"]
    assert shown == [(f"i{image}", step) for step in (0, 5, 10) for image in (6, 7, 8)]


def test_the_model_folder_is_what_later_stages_expect(finished):
    card = description(finished)
    assert (card["format"], card["recipe"]) == (FORMAT, RECIPE)
    assert card["network"] == {
        "backbone": "valid",
        "patch_px": 32,
        "width": 4,
        "dropout": 0.2,
        "head": "sigmoid",
        "kinds": 0,
        "members": 1,
        "core_px": 0,
    }
    assert card["image"]["spacing_mm"] == 0.2
    assert card["calibration"]["training_prior"] == 0.5
    assert 0 < card["calibration"]["natural_prior"] < 0.1
    assert 0 < card["region_threshold"] < 1
    assert card["training"]["steps"] == 10
    used = read_mammograms(finished).query("split in ('train', 'validation')")
    assert card["training"]["pixel_hashes"] == pixel_hashes(used)
    assert load_network(finished.model).spec.patch_px == 32
    rows = (finished.model / "history.csv").read_text().splitlines()
    assert rows[0].split(",") == columns_of("model/history.csv")
    assert len(rows) == 3


def test_the_model_card_is_written_and_sent_when_the_training_ends(finished):
    card = finished.model_card.read_text(encoding="utf-8")
    assert "| train | 6 | 6 | 3 |" in card and "| validation | 3 | 3 | " in card
    assert "the results on test patients and their calibration: `make evaluate`" in card
    sent = [e["path"] for e in read_events(finished.events) if e["event"] == "artifact"]
    assert sent.count("model-card.md") == 1


def test_losses_and_validation_are_logged_by_step(finished):
    events = read_events(finished.events)
    values = [(e["step"], e["values"]) for e in events if e["event"] == "metrics"]
    validated = [step for step, v in values if "val/auc" in v]
    assert validated == [5, 10]
    shown = [v for _, v in values if "train/loss" in v]
    assert shown
    assert {"train/learning_rate", "train/crops_per_second", "train/memory_mib"} <= shown[0].keys()
    artifacts = [e["path"] for e in events if e["event"] == "artifact"]
    assert "plots/training.svg" in artifacts


def test_it_learns_to_tell_discs_from_noise(toy_run, capsys):
    settings = toy_settings(epochs=2, steps_per_epoch=30, learning_rate=3e-3)
    summary = train(stage_of(toy_run, settings))
    assert description(toy_run)["training"]["validation_auc"] > 0.9
    assert description(toy_run)["training"]["validation_froc"] > 0.5
    assert "validation AUC" in summary
    assert " left: 56 steps of " in capsys.readouterr().out


def test_changed_settings_set_the_unfinished_training_aside(toy_run, monkeypatch, capsys):
    with monkeypatch.context() as patch, pytest.raises(Crash):
        crash_at(patch, 2)
        train(stage_of(toy_run, always_saving(toy_settings())))
    train(stage_of(toy_run, toy_settings(epochs=1, learning_rate=1e-3)))
    assert "had other train settings: moved to" in capsys.readouterr().out
    assert (toy_run.set_aside / "training-1" / "checkpoint.safetensors").is_file()
    assert description(toy_run)["training"]["steps"] == 4


def test_a_signal_writes_a_checkpoint_and_leaves_with_130(toy_run, monkeypatch, capsys):
    real, handler = Learner.step, signal.getsignal(signal.SIGINT)

    def interrupted(self, *args, **kwargs):
        if kwargs["step"] == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return real(self, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as left:
        patch.setattr(Learner, "step", interrupted)
        train(stage_of(toy_run, toy_settings(steps_per_epoch=10)))
    assert left.value.code == 130
    assert "Stopped at step 4 of 20" in capsys.readouterr().out
    assert checkpoint_path(toy_run).is_file()
    assert signal.getsignal(signal.SIGINT) is handler


def test_fine_tuning_starts_from_the_model_and_a_finished_one_is_kept(finished, toy_run, capsys):
    still = toy_settings(epochs=1, init=finished.root, learning_rate=1e-12, weight_decay=0)
    train(stage_of(toy_run, still))
    before = load_file(finished.model / "model.safetensors")
    after = load_file(toy_run.model / "model.safetensors")
    # The statistics of the normalisations follow the crops at any rate.
    weights = [name for name in before if "moving" not in name]
    assert all(np.allclose(before[name], after[name], atol=1e-6) for name in weights)
    train(stage_of(toy_run, still))
    assert "former model was moved" in capsys.readouterr().out
    kept = json.loads(card_path(toy_run.set_aside / "model-1").read_text())
    assert kept["sha256"] == description(toy_run)["sha256"]


def test_a_model_that_started_from_another_also_remembers_whom_that_one_saw(
    finished, toy_run, tmp_path
):
    former = tmp_path / "former"
    shutil.copytree(finished.model, former)
    card = description(finished)
    own = card["training"]["pixel_hashes"]
    card["training"]["pixel_hashes"] = ["of another hospital"]
    card_path(former).write_text(json.dumps(card))
    train(stage_of(toy_run, toy_settings(epochs=1, steps_per_epoch=1, init=former)))
    seen = description(toy_run)["training"]["pixel_hashes"]
    assert seen == sorted([*own, "of another hospital"])


def test_fine_tuning_another_network_is_refused(finished, toy_run):
    settings = toy_settings(init=finished.root)
    wider = settings.network.model_copy(update={"width": 8})
    with pytest.raises(UserError, match=r"network.width is 8 here and 4 there"):
        train(stage_of(toy_run, settings.model_copy(update={"network": wider})))


def test_a_model_older_than_a_setting_of_the_network_can_be_started_from(finished, tmp_path):
    network, card = read_card(finished.model).network, description(finished)
    del card["network"]["core_px"]
    card_path(tmp_path).write_text(json.dumps(card))
    older = read_card(tmp_path)
    check_init(older, network=network, image=toy_settings().image)
    other = network.model_copy(update={"core_px": 16})
    with pytest.raises(UserError, match=r"network.core_px is 16 here and 0 there"):
        check_init(older, network=other, image=toy_settings().image)


def test_a_missing_model_to_start_from_is_named(toy_run, tmp_path):
    with pytest.raises(UserError, match="holds no finished model"):
        train(stage_of(toy_run, toy_settings(init=tmp_path / "nothing")))


def test_without_positives_in_validation_the_last_weights_are_taken(toy_run, capsys):
    from pipeline.preprocess.tables import read_positions, write_positions

    positions = read_positions(toy_run)
    lesion = (positions["split"] == "validation") & (positions["label"] == 1)
    write_positions(toy_run, positions[~lesion])
    train(stage_of(toy_run, toy_settings()))
    assert "no positive position, so the last weights" in capsys.readouterr().err
    card = description(toy_run)
    assert card["training"]["best_step"] == card["training"]["steps"]
    assert card["training"]["validation_auc"] is None
    assert card["calibration"]["temperature"] == 1.0


def test_the_weights_of_the_highest_auc_are_kept_though_the_loss_falls_later(toy_run, monkeypatch):
    aucs, losses = iter([0.9, 0.8]), iter([2.0, 1.0])
    monkeypatch.setattr(training_loop, "validation_auc", lambda labels, logits: next(aucs))
    monkeypatch.setattr(training_loop, "validation_loss", lambda labels, logits: next(losses))
    summary = train(stage_of(toy_run, toy_settings(epochs=2, steps_per_epoch=3)))
    assert description(toy_run)["training"]["best_step"] == 3
    assert "validation AUC 0.9000 at step 3 of 6" in summary
