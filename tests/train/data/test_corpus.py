"""What training may draw from."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.labels import IGNORED, NEGATIVE, POSITIVE
from pipeline.annotations.outlines import read_outlines
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.errors import UserError
from pipeline.train.data.corpus import check_sources, read_corpus
from tests.train.toy_run import toy_settings


@pytest.fixture
def tables(shared_toy_run):
    run = shared_toy_run
    return read_mammograms(run), read_outlines(run), read_positions(run)


def corpus_of(mammograms, outlines, positions, **options):
    return read_corpus(mammograms, outlines, positions, labels=toy_settings().labels, **options)


def test_only_the_training_split_is_drawn_from(tables):
    corpus = corpus_of(*tables)
    assert [image.image_id for image in corpus.images] == [f"i{n}" for n in range(6)]
    assert [set(lesion.image) for lesion in corpus.lesions] == [{0}, {2}, {4}]


def test_negatives_come_from_normal_and_abnormal_mammograms(tables):
    assert set(corpus_of(*tables).negatives.image) == set(range(6))


def unlocated(tables, image_id):
    """The tables as preprocess writes them where an image is not fully outlined."""
    mammograms, outlines, positions = tables
    there = (positions["image_id"] == image_id) & (positions["label"] == NEGATIVE)
    return (
        mammograms.assign(unlocated=mammograms["image_id"] == image_id),
        outlines,
        positions.assign(label=positions["label"].mask(there, IGNORED)),
    )


def test_an_unlocated_mammogram_without_outline_is_not_drawn_from(tables):
    corpus = corpus_of(*unlocated(tables, "i1"))
    assert [image.image_id for image in corpus.images] == ["i0", "i2", "i3", "i4", "i5"]
    assert set(corpus.negatives.image) == set(range(5))


def test_the_lesions_of_an_unlocated_mammogram_are_drawn_and_nothing_around_is_negative(tables):
    corpus = corpus_of(*unlocated(tables, "i2"))
    assert [set(lesion.image) for lesion in corpus.lesions] == [{0}, {2}, {4}]
    assert set(corpus.negatives.image) == {0, 1, 3, 4, 5}
    image = corpus.images[2]
    rows, cols = np.meshgrid(range(image.height), range(image.width), indexing="ij")
    assert set(np.unique(image.labels(rows, cols))) == {IGNORED, POSITIVE}


def test_lesions_are_grouped_by_kind_and_everything_by_data_set(tables):
    mammograms, outlines, positions = tables
    kinds = {"i0": "mass", "i2": "calc", "i4": "mass"}
    changed = {i: [replace(outlines[i][0], kind=kind)] for i, kind in kinds.items()}
    outlines = outlines | changed
    mammograms = mammograms.assign(
        dataset=["far" if i in ("i3", "i4") else "near" for i in mammograms["image_id"]]
    )
    changed = mammograms, outlines, positions
    assert corpus_of(*changed).lesion_groups == []
    kinds = corpus_of(*changed, balance="kinds")
    assert [group.tolist() for group in kinds.lesion_groups] == [[1], [0, 2]]
    assert kinds.negative_groups == []
    sets = corpus_of(*changed, balance="sets")
    assert [group.tolist() for group in sets.lesion_groups] == [[2], [0, 1]]
    there = [
        {sets.images[sets.negatives.image[n]].image_id for n in group}
        for group in sets.negative_groups
    ]
    assert there == [{"i3", "i4"}, {"i0", "i1", "i2", "i5"}]
    assert sum(map(len, sets.negative_groups)) == len(sets.negatives.image)


def test_training_mammograms_without_any_outline_are_refused_with_a_way_out(tables):
    mammograms, _, positions = tables
    with pytest.raises(UserError, match=r"None of the 6 .* make heatmap evaluate MODEL="):
        corpus_of(mammograms, {}, positions.assign(label=IGNORED))


@pytest.mark.parametrize(("label", "missing"), [(0, "positive"), (1, "negative")])
def test_a_training_split_of_one_class_is_refused(tables, label, missing):
    mammograms, outlines, positions = tables
    with pytest.raises(UserError, match=f"no {missing} position"):
        corpus_of(mammograms, outlines, positions.assign(label=label))


def test_a_data_set_of_one_class_beside_another_is_refused(tables):
    mammograms, _, positions = tables
    mammograms = mammograms.assign(
        dataset=["bright" if i in ("i1", "i3") else "toy" for i in mammograms["image_id"]]
    )
    with pytest.raises(UserError, match="'bright' gives the training only negative positions"):
        check_sources(mammograms, positions)


def test_a_scanner_of_one_class_is_warned_about(tables):
    mammograms, _, positions = tables
    assert check_sources(mammograms, positions) == []
    scanner = pd.Series(["new" if i == "i5" else "old" for i in mammograms["image_id"]])
    warnings = check_sources(mammograms.assign(scanner=scanner), positions)
    assert len(warnings) == 1
    assert "'new'" in warnings[0]
