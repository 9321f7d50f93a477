"""Samples: targets of a crop are the labels of the patch table, augmented or not."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from pipeline.annotations.outlines import read_outlines
from pipeline.config import TrainSettings
from pipeline.model.crop_shape import CropShape
from pipeline.preprocess.store.entries import WHITE
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.train.data.augmentation import Augmenter, plain_view
from pipeline.train.data.corpus import read_corpus
from pipeline.train.data.samples import Sampler, crop_batches, view_targets
from tests.train.toy_run import PITCH_PX, toy_settings

SHAPE = CropShape(cells=17, patch_px=32, stride_px=4, margin_cells=2)


@pytest.fixture(scope="module")
def corpus(shared_toy_run):
    run = shared_toy_run
    return read_corpus(
        read_mammograms(run), read_outlines(run), read_positions(run), labels=toy_settings().labels
    )


def sampler_of(corpus, **changes):
    settings = TrainSettings(**{"seed": 3, "positive_share": 0.5, "augment": True, **changes})
    return Sampler(corpus, SHAPE, settings)


def black(row, col, height, width):
    return np.zeros((height, width), np.uint16)


def test_targets_agree_with_the_patch_table(corpus, shared_toy_run):
    # A window whose logits at every fourth step are positions of the table.
    row0 = col0 = 2 * PITCH_PX - SHAPE.patch_px // 2
    view = plain_view(black, SHAPE.size_px)
    table = read_positions(shared_toy_run)
    compared = 0
    for image in corpus.images:
        shape = dataclasses.replace(SHAPE, margin_cells=0)
        targets = view_targets(image, view, shape, row0=row0, col0=col0)
        rows = table[table["image_id"] == image.image_id]
        for row in rows.itertuples():
            at = np.array([row.row_index - 2, row.col_index - 2]) * PITCH_PX // SHAPE.stride_px
            if (at >= 0).all() and (at < SHAPE.cells).all():
                assert targets[tuple(at)] == row.label
                compared += 1
    assert compared > 100


def test_targets_follow_the_lesion_through_every_augmentation(corpus):
    # A view is rendered from a picture of the labels themselves: where the picture says
    # lesion, the target must say positive.
    image = corpus.images[0]
    circle = image.outlines[0].circle
    half = SHAPE.size_px // 2
    row0, col0 = round(circle.row) - half + 9, round(circle.col) - half - 14

    def drawn(row, col, height, width):
        rows, cols = np.mgrid[:height, :width] + np.array([row0 + row, col0 + col])[:, None, None]
        return (image.labels(rows.astype(float), cols.astype(float)) == 1).astype(np.uint16) * WHITE

    augmenter = Augmenter(SHAPE.size_px)
    for seed in range(20):
        view = augmenter.view(drawn, seed=seed)
        targets = view_targets(image, view, SHAPE, row0=row0, col0=col0)
        centres = SHAPE.centres
        low, high = np.floor(centres).astype(int), np.ceil(centres).astype(int)
        corners = [view.image[np.ix_(r, c)] for r in (low, high) for c in (low, high)]
        grey = np.mean(corners, axis=0)
        middle = (view.image.max() + view.image.min()) / 2
        margin = SHAPE.margin_cells
        inner = np.zeros_like(targets, bool)
        inner[margin:-margin, margin:-margin] = True
        # At the edge of the disc the picture is a mixture, so only clear cells are compared.
        clear = inner & (np.abs(grey - middle) > 0.45 * np.ptp(view.image))
        assert clear.sum() > 100
        assert ((grey > middle) == (targets == 1))[clear].all()


def test_logits_outside_the_breast_and_in_the_margin_are_ignored(corpus):
    image = corpus.images[1]
    view = plain_view(black, SHAPE.size_px)
    targets = view_targets(image, view, SHAPE, row0=20, col0=image.width - 60)
    outside = SHAPE.centres + image.width - 60 > image.width - 32
    assert (targets[:, outside] == -1).all()
    assert (targets[: SHAPE.margin_cells] == -1).all()
    assert (targets == 0).any()


def test_a_sample_depends_on_its_index_only(corpus):
    first, other = sampler_of(corpus), sampler_of(corpus)
    later = [other.sample(i) for i in (9, 4)][1]
    image, targets = first.sample(4)
    assert image.shape == (SHAPE.size_px, SHAPE.size_px, 1)
    assert image.dtype == np.float32
    assert targets.dtype == np.int8
    assert np.array_equal(image, later[0])
    assert np.array_equal(targets, later[1])


@pytest.mark.parametrize("augment", [False, True])
def test_positive_crops_hold_a_positive_target(corpus, augment):
    sampler = sampler_of(corpus, positive_share=0.999, augment=augment)
    assert all((sampler.sample(i)[1] == 1).any() for i in range(25))


def test_batches_start_anywhere_and_do_not_depend_on_the_threads(corpus):
    sampler = sampler_of(corpus)
    whole = list(crop_batches(sampler, batch=2, first_step=0, steps=4, readers=2))
    rest = list(crop_batches(sampler, batch=2, first_step=3, steps=4, readers=1))
    assert len(whole) == 4
    assert len(rest) == 1
    assert np.array_equal(whole[3][0], rest[0][0])
    assert np.array_equal(whole[3][1], rest[0][1])
    assert np.array_equal(whole[3][0][1], sampler.sample(7)[0])


def test_processes_cut_their_own_rows_of_a_batch_for_each_of_their_devices(corpus):
    sampler, options = sampler_of(corpus), {"batch": 4, "first_step": 1, "steps": 3, "readers": 1}
    whole = [image for images, _ in crop_batches(sampler, **options) for image in images]
    contexts = [
        tf.distribute.InputContext(
            num_input_pipelines=2, input_pipeline_id=number, num_replicas_in_sync=4
        )
        for number in range(2)
    ]
    parts = [list(crop_batches(sampler, **options, context=context)) for context in contexts]
    # Two devices of each process, one row for each, two steps.
    assert [len(part) for part in parts] == [4, 4]
    batches = [part[step + device][0] for step in (0, 2) for part in parts for device in (0, 1)]
    rows = [image for images in batches for image in images]
    assert all(np.array_equal(one, other) for one, other in zip(rows, whole, strict=True))
