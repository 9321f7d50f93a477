"""The networks of all folds as one model."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from models.network import NetworkSpec, build_network, ensemble_of
from pipeline.config import Settings
from pipeline.evaluate.load import finding_ids, load_judged
from pipeline.model.calibration import Calibration
from pipeline.model.card import read_card
from pipeline.model.fit_calibration import fit_calibration
from pipeline.model.folder import load_network, network_card, write_model
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from pipeline.studies.folds_model import is_current, write_folds_model
from tests.evaluate.fabricated_run import Woman, fabricate
from tests.model.cards import change_card

SPEC = NetworkSpec("valid", 32, width=4)
IMAGE = np.random.default_rng(0).random((1, 48, 48, 1), np.float32)


def a_fold(folder, number: int, members: int):
    """The test patients of a fold, and a real network behind them."""
    kinds = {"normal": "", "abnormal": "counts"}
    people = [
        Woman(f"t-{number}-{name}-{i}", "test", kind)
        for name, kind in kinds.items()
        for i in (1, 2)
    ]
    run = fabricate(folder / str(number), people)
    single = [build_network(SPEC, seed=10 * number + i) for i in range(members)]
    network = single[0]
    if members > 1:
        network = ensemble_of(single, [1.0 + i for i in range(members)])
    change_card(
        run.model,
        network=dict(network_card(network.spec)),
        maps={"level_share": 0.5},
        usual_level=-number,
        recipe=10 - number,
    )
    write_model(run, network, read_card(run.model), history="")
    judged = load_judged(run)
    calibration = Calibration(0.3 + 0.1 * number, 0.01 * number, 1.0 + number)
    return replace(judged, card=judged.card.model_copy(update={"calibration": calibration}))


@pytest.fixture(scope="module", params=[1, 2], ids=["networks", "ensembles"])
def folds(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    return [a_fold(folder, number, request.param) for number in (1, 2, 3)]


@pytest.fixture
def stage(tmp_path):
    run = RunFolder(tmp_path / "study")
    run.root.mkdir()
    settings = Settings.model_validate({"train": {"fp_per_image": 0.5}})
    remember(run, settings, Remembered("configs/mias.yaml", {}, ""))
    return Stage(run, settings, EventLog(run, "crossval"))


def test_its_map_is_the_mean_of_the_folds_each_over_its_temperature(folds, stage):
    write_folds_model(stage, folds)
    card = read_card(stage.run.folds.model)
    logits = load_network(stage.run.folds.model)(IMAGE).numpy()
    temperatures = [f.card.calibration.temperature for f in folds]
    each = [load_network(f.card.folder)(IMAGE).numpy() for f in folds]
    mean = np.mean([z / t for z, t in zip(each, temperatures, strict=True)], axis=0)
    np.testing.assert_allclose(logits, mean, atol=1e-4)
    # A mammogram that is at its level for every fold is at its level for all of them.
    at_level = [f.card.level / f.card.calibration.temperature for f in folds]
    assert card.level == pytest.approx(np.mean(at_level))


def test_it_is_calibrated_on_the_test_women_of_all_folds(folds, stage):
    write_folds_model(stage, folds)
    card = read_card(stage.run.folds.model)
    labels = np.concatenate([f.positions["label"] for f in folds])
    logits = np.concatenate(
        [f.positions["trained_logit"] / f.card.calibration.temperature for f in folds]
    )
    start = Calibration(0.5, float(labels.mean()), 1.0)
    of_women = np.concatenate([f.positions["patient_id"] for f in folds])
    of_lesions = np.concatenate([finding_ids(f.positions) for f in folds])
    expected = fit_calibration(
        start, labels, logits, lesions=6, patients=of_women, findings=of_lesions
    )
    assert asdict(card.calibration) == pytest.approx(asdict(expected))
    assert (card.support.patients, card.support.lesions) == (12, 6)


def test_it_says_who_was_in_it_and_its_threshold_is_out_of_fold(folds, stage):
    write_folds_model(stage, folds)
    card = read_card(stage.run.folds.model)
    assert card.training.train.patients == 12
    assert card.training.validation.lesions == 6
    assert card.training.steps == 30
    assert card.recipe == 7  # of the oldest fold
    assert "0.5 false alarms per mammogram, on 12 out-of-fold" in card.region_threshold_source
    assert "12" in stage.run.folds.model_card.read_text()


def test_it_is_written_again_only_for_other_networks_or_calibrations(folds, stage):
    assert not is_current(stage.run, folds)
    write_folds_model(stage, folds)
    assert is_current(stage.run, folds)
    # Its networks have seen all patients: it must not become the model of a run that tests some.
    assert not stage.run.model.exists()
    colder = replace(folds[0].card.calibration, temperature=9.0)
    other = folds[0].card.model_copy(update={"calibration": colder})
    others = [replace(folds[0], card=other), *folds[1:]]
    assert not is_current(stage.run, others)
