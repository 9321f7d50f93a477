"""What training may draw from."""

import pandas as pd
import pytest
from toy_run import toy_settings

from pipeline.preprocess.tables import read_mammograms, read_outlines, read_positions
from pipeline.run.errors import UserError
from pipeline.train.corpus import check_sources, read_corpus


@pytest.fixture
def tables(shared_toy_run):
    run = shared_toy_run
    return read_mammograms(run), read_outlines(run), read_positions(run)


def corpus_of(mammograms, outlines, positions):
    return read_corpus(mammograms, outlines, positions, labels=toy_settings().labels)


def test_only_the_training_split_is_drawn_from(tables):
    corpus = corpus_of(*tables)
    assert [image.image_id for image in corpus.images] == [f"i{n}" for n in range(6)]
    assert [lesion.image for lesion in corpus.lesions] == [0, 2, 4]


def test_negatives_come_from_normal_and_abnormal_mammograms(tables):
    assert set(corpus_of(*tables).negative_image) == set(range(6))


def test_unlocated_mammograms_give_no_negatives(tables):
    mammograms, outlines, positions = tables
    mammograms = mammograms.assign(unlocated=mammograms["image_id"] == "i1")
    corpus = corpus_of(mammograms, outlines, positions)
    assert "i1" not in [image.image_id for image in corpus.images]
    assert len(set(corpus.negative_image)) == 5


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
