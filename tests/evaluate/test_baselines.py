"""The features of the baselines, by hand and by plain loops."""

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluate.baselines import (
    brightness_features,
    in_their_images,
    patch_moments,
    position_features,
    training_positions,
)
from pipeline.evaluate.load import load_judged
from pipeline.figures.figure import Undefined
from pipeline.preprocess.store.entries import read_image
from tests.evaluate.fabricated_run import fabricate, women


def test_moments_of_a_patch_are_those_of_the_reflected_image():
    image = np.random.default_rng(1).integers(0, 65536, size=(20, 14)).astype(np.uint16)
    row0, col0 = np.array([-4, 3, 14]), np.array([-4, 2, 9])
    padded = np.pad(image, 8, mode="reflect") / 65535
    patches = [padded[r + 8 : r + 16, c + 8 : c + 16] for r, c in zip(row0, col0, strict=True)]
    expected = [(p.mean(), p.std()) for p in patches]
    np.testing.assert_allclose(patch_moments(image, row0, col0, patch_px=8), expected, atol=1e-6)


def test_the_patch_of_a_position_is_centred_on_it(tmp_path):
    judged = load_judged(fabricate(tmp_path, women(normal=1, abnormal=1)))
    positions = in_their_images(judged.positions, judged.images)
    features = brightness_features(positions, patch_px=32)
    index = int(np.flatnonzero(positions["row_index"] == 10)[3])
    position = positions.iloc[index]
    store = judged.images.set_index("image_id").loc[position["image_id"], "store"]
    k, m = position["row_index"] * 8, position["col_index"] * 8
    rows = np.pad(read_image(store), 16, mode="reflect")[k : k + 32, m : m + 32] / 65535
    np.testing.assert_allclose(features[index], [rows.mean(), rows.std()], atol=1e-6)


def test_a_position_is_described_relative_to_its_breast():
    positions = pd.DataFrame(
        {
            "image_id": "a",
            "row_standard": [100.0, 200.0, 300.0],
            "col_standard": [0.0, 40.0, 80.0],
            "first_row": 100.0,
            "last_row": 300.0,
            "last_col": 80.0,
            "spacing_mm": 0.1,
        }
    )
    np.testing.assert_allclose(position_features(positions), [[0, 0, 0], [4, 0.5, 0.5], [8, 1, 1]])


def test_training_positions_are_labelled_ones_of_training_patients(tmp_path):
    judged = load_judged(fabricate(tmp_path, women()))
    training = training_positions(judged, seed=0)
    assert set(training["split"]) == {"train"}
    assert set(training["label"]) == {0, 1}


def test_a_large_training_set_is_thinned_by_the_seed(tmp_path):
    judged = load_judged(fabricate(tmp_path, women()))
    first, again, other = (training_positions(judged, seed=s, most=500) for s in (0, 0, 1))
    assert len(first) == 500
    pd.testing.assert_frame_equal(first, again)
    assert not first["row_standard"].equals(other["row_standard"])


def test_without_training_positions_the_baseline_is_undefined(tmp_path):
    run = fabricate(tmp_path, women())
    judged = load_judged(run)
    run.positions.unlink()
    with pytest.raises(Undefined, match=r"positions\.parquet is missing"):
        training_positions(judged, seed=0)


def test_positions_of_an_older_run_leave_the_baseline_undefined_and_say_why(tmp_path):
    run = fabricate(tmp_path, women())
    judged = load_judged(run)
    earlier = pd.read_parquet(run.positions).drop(columns=["row_standard", "col_standard"])
    earlier.to_parquet(run.positions)
    with pytest.raises(Undefined, match=r"lacks the columns row_standard.*make preprocess FORCE"):
        training_positions(judged, seed=0)


def test_without_the_mammograms_of_the_training_the_baseline_of_brightness_is_undefined(tmp_path):
    judged = load_judged(fabricate(tmp_path, women()))
    training = training_positions(judged, seed=0).assign(store="store/of/another/machine")
    with pytest.raises(Undefined, match="store/of/another/machine is missing"):
        brightness_features(training, patch_px=32)
