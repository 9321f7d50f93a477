"""Labels permuted among the positions of each image: a control that must teach nothing."""

import numpy as np
import pandas as pd

from pipeline.annotations.labels import IGNORED
from pipeline.model.crop_shape import CropShape
from pipeline.preprocess.tables import read_positions
from pipeline.train.data.augmentation import Augmenter
from pipeline.train.data.inputs import inputs_of, read_tables
from pipeline.train.data.permuted_labels import LabelTable, permute_labels
from pipeline.train.data.samples import view_targets
from tests.train.toy_run import PITCH_PX, stage_of, toy_settings

TABLE = pd.DataFrame(
    {
        "image_id": ["a"] * 8 + ["b"] * 8,
        "label": [1, 1, 0, 0, 0, 0, -1, 0] * 2,
        "finding_id": ["f", "g", "", "", "", "", "", ""] * 2,
    }
)


def inputs_by(run, settings):
    return inputs_of(read_tables(stage_of(run, settings)), settings)


def permuted_inputs(run):
    return inputs_by(run, toy_settings(permute_labels=True))


def test_each_image_keeps_its_counts_its_findings_and_its_ignored_positions():
    permuted = permute_labels(TABLE, seed=0)
    for _, rows in permuted.groupby("image_id"):
        assert sorted(rows["label"]) == [-1, 0, 0, 0, 0, 0, 1, 1]
        assert sorted(rows["finding_id"]) == ["", "", "", "", "", "", "f", "g"]
        assert rows["label"].iloc[6] == IGNORED
        assert ((rows["finding_id"] != "") == (rows["label"] == 1)).all()
    assert TABLE["label"].tolist() == [1, 1, 0, 0, 0, 0, -1, 0] * 2  # not modified


def test_the_permutation_depends_on_seed_and_image_alone():
    wide = pd.concat([TABLE.assign(image_id=f"{i:02d}" + TABLE["image_id"]) for i in range(20)])
    wide = wide.reset_index(drop=True)
    permuted = permute_labels(wide, seed=3)
    alone = permute_labels(wide[wide["image_id"] == "07b"].reset_index(drop=True), seed=3)
    there = permuted[permuted["image_id"] == "07b"]
    assert alone["label"].tolist() == there["label"].tolist()
    by_image = {tuple(rows["label"]) for _, rows in permuted.groupby("image_id")}
    assert len(by_image) > 5
    assert permute_labels(wide, seed=4)["label"].tolist() != permuted["label"].tolist()


def test_labels_lie_where_they_did_not_more_often_than_chance(shared_toy_run):
    table = read_positions(shared_toy_run)
    permuted = permute_labels(table, seed=0)
    positive = table["label"] == 1
    share = positive.groupby(table["image_id"]).mean()
    expected = (table[positive]["image_id"].map(share)).sum()
    assert (permuted["label"][positive] == 1).sum() < 3 * expected


def test_a_point_has_the_label_of_the_nearest_position():
    table = LabelTable(np.array([[0, 1], [-1, 0]], np.int8), pitch_px=10)
    # Positions lie at -0.5 and 9.5.
    rows, cols = np.array([-0.5, 4.0, 5.0, 5.0, 90.0]), np.array([9.5, 5.0, 4.0, 5.0, 90.0])
    assert table.at(rows, cols).tolist() == [1, 1, -1, 0, IGNORED]


def test_dense_targets_are_those_of_the_permuted_table_whatever_the_crop(shared_toy_run):
    inputs = permuted_inputs(shared_toy_run)
    permuted = permute_labels(read_positions(shared_toy_run), seed=0)
    compared = 0
    for image in inputs.corpus.images:
        rows = permuted[permuted["image_id"] == image.image_id]
        found = image.targets(rows["row_standard"].to_numpy(), rows["col_standard"].to_numpy())
        np.testing.assert_array_equal(found, rows["label"])
        compared += len(rows)
    assert compared > 100


def test_every_view_of_a_place_has_the_label_of_the_position_nearest_to_it(shared_toy_run):
    image = permuted_inputs(shared_toy_run).corpus.images[0]
    table = permute_labels(read_positions(shared_toy_run), seed=0)
    table = table[table["image_id"] == image.image_id]
    shape = CropShape(cells=9, patch_px=32, stride_px=4, margin_cells=0)
    grid = np.stack([*np.meshgrid(shape.centres, shape.centres, indexing="ij"), np.ones((9, 9))])
    judged = 0

    def black(_row, _col, height, width):
        return np.zeros((height, width), np.uint16)

    for seed in range(5):
        view = Augmenter(shape.size_px).view(black, seed=seed)
        targets = view_targets(image, view, shape, row0=50, col0=30)
        rows, cols = np.einsum("ij,jkl->ikl", view.to_crop, grid)
        for target, row, col in zip(
            targets.ravel(), rows.ravel() + 50, cols.ravel() + 30, strict=True
        ):
            far = np.maximum(abs(table["row_standard"] - row), abs(table["col_standard"] - col))
            if target != IGNORED:
                assert far.min() <= PITCH_PX / 2
                assert target == table["label"].to_numpy()[far.argmin()]
                judged += 1
    assert judged > 100


def test_beyond_the_last_position_nothing_is_known():
    table = LabelTable(np.array([[1, 0]], np.int8), pitch_px=16)
    rows, cols = np.array([-0.5, -0.5, 7.0, 8.0, -9.0]), np.array([-0.5, 15.5, 0.0, 0.0, 0.0])
    assert table.at(rows, cols).tolist() == [1, 0, 1, IGNORED, IGNORED]
    assert table.at(rows, cols).dtype == np.int8
    assert table.at(np.array([0.0]), np.array([24.0])).tolist() == [IGNORED]


def test_validation_patients_are_judged_by_permuted_labels_too(shared_toy_run):
    permuted = permuted_inputs(shared_toy_run)
    true = inputs_by(shared_toy_run, toy_settings())
    pairs = list(zip(permuted.validation, true.validation, strict=True))
    assert all(p.labels.sum() == t.labels.sum() for p, t in pairs)
    assert any((p.labels != t.labels).any() for p, t in pairs)


def test_crops_are_drawn_around_the_permuted_positives(shared_toy_run):
    inputs = permuted_inputs(shared_toy_run)
    for lesion in inputs.corpus.lesions:
        targets = inputs.corpus.images[lesion.image[0]].targets(lesion.row, lesion.col)
        assert (targets == 1).all()
        assert np.ptp(lesion.row) > 3 * PITCH_PX  # scattered over the image


def test_without_the_setting_targets_come_from_the_outlines(shared_toy_run):
    inputs = inputs_by(shared_toy_run, toy_settings())
    assert all(image.table is None for image in inputs.corpus.images)
