"""What is read from validation maps."""

import dataclasses
import math

import numpy as np
import pytest

from pipeline.annotations.outlines import read_outlines
from pipeline.config import MapSettings
from pipeline.model.fit_candidate_score import search_of
from pipeline.model.map_grid import breast_positions, finish_map, finite_positions, smooth_map
from pipeline.model.map_rule import MapRule
from pipeline.model.validation import (
    ImageScores,
    at_one_level,
    join_labels,
    map_image,
    read_validation,
    score_map,
    search_figures,
    validation_auc,
    validation_figures,
    validation_loss,
    validation_matches,
)
from pipeline.preprocess.store.entries import read_breast
from pipeline.preprocess.tables import read_mammograms, read_positions
from tests.model.rules import a_rule
from tests.train.toy_run import toy_settings


def rule_of(**maps):
    settings = toy_settings()
    own = MapSettings(pitch_mm=1.6, **maps)
    return MapRule.from_settings(own, settings.image, settings.labels, stride_px=4)


def mapped(logits, image, rule):
    """The map of an image of which a network gave these logits."""
    return map_image(lambda pixels, rule: (logits, None), image, rule)


def scores_by(logits, image, rule):
    """Scores of the same."""
    return score_map(mapped(logits, image, rule), rule)


@pytest.fixture(scope="module")
def images(shared_toy_run):
    run = shared_toy_run
    return read_validation(
        read_mammograms(run), read_outlines(run), read_positions(run), labels=toy_settings().labels
    )


def test_only_validation_mammograms_are_read(images):
    assert [image.image_id for image in images] == ["i6", "i7", "i8"]
    assert set(join_labels(images)) == {0, 1}


def test_logits_are_read_at_the_positions_of_the_table(images, shared_toy_run):
    # A map whose value is its own coordinate.
    shape = (200 // 8 + 1, 160 // 8 + 1)
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    logits = (rows * 8 - 0.5 + 1000 * (cols * 8 - 0.5)).astype(np.float32)
    scores = scores_by(logits, images[1], rule_of())
    table = read_positions(shared_toy_run)
    table = table[(table["image_id"] == "i7") & (table["label"] >= 0)]
    np.testing.assert_allclose(scores.logits, table["row_standard"] + 1000 * table["col_standard"])


def test_labels_and_alarms_are_read_from_the_smoothed_map(images):
    image, rule = images[1], rule_of(smooth_mm=1.2)
    assert rule.smooth_cells == pytest.approx(1.2 / 1.6)
    logits = np.random.default_rng(0).normal(size=(26, 21)).astype(np.float32)
    finite = finite_positions(read_breast(image.store), height=200, width=160, pitch_px=8)
    smooth = smooth_map(logits, finite, sigma_cells=0.75)
    scores, expected = scores_by(logits, image, rule), scores_by(smooth, image, rule_of())
    np.testing.assert_allclose(scores.logits, expected.logits, rtol=1e-6)
    np.testing.assert_allclose(scores.false_alarms, expected.false_alarms, rtol=1e-6)
    assert scores.false_alarms.max() < scores_by(logits, image, rule_of()).false_alarms.max()


def test_scores_at_one_level_are_those_of_the_maps_that_users_get(images):
    rule = rule_of(smooth_mm=1.2)
    maps = [np.random.default_rng(i).normal(3 * i, size=(26, 21)) for i in range(len(images))]
    own = [mapped(m.astype(np.float32), i, rule) for m, i in zip(maps, images, strict=True)]
    lowered, level = at_one_level([own], share=0.7)
    assert level == pytest.approx(np.mean([one.level for one in own]))
    for logits, image, lower in zip(maps, images, lowered, strict=True):
        score = score_map(lower, rule)
        finite = finite_positions(read_breast(image.store), height=200, width=160, pitch_px=8)
        final = a_rule(8, smooth_cells=0.75, level_share=0.7, level=level)
        whole = np.nan_to_num(finish_map(logits, finite, final))
        expected = scores_by(whole.astype(np.float32), image, rule_of())
        np.testing.assert_allclose(score.logits, expected.logits, atol=1e-4)
        np.testing.assert_allclose(score.false_alarms, expected.false_alarms, atol=1e-4)
        np.testing.assert_allclose(score.lesions, expected.lesions, atol=1e-4)
    np.testing.assert_array_equal(at_one_level([own], share=0)[0][1].logit, own[1].logit)


def test_no_map_is_lowered_for_the_network_that_made_it(images):
    rule, (first, second) = rule_of(), images[:2]
    maps = [np.random.default_rng(i).normal(size=(26, 21)).astype(np.float32) for i in range(4)]
    one = [mapped(maps[0], first, rule), mapped(maps[1] + 1, second, rule)]
    high = [mapped(m + 50, i, rule) for m, i in zip(maps[2:], images, strict=False)]
    lowered, level = at_one_level([one, high], share=1.0)
    alone, own_level = at_one_level([one], share=1.0)
    for each, expected in zip(lowered, alone, strict=False):
        np.testing.assert_array_equal(each.logit, expected.logit)
    assert lowered[2].level == pytest.approx(lowered[3].level, abs=1e-4)
    high_level = np.mean([each.level for each in high])
    assert lowered[2].level == pytest.approx(high_level, abs=1e-4)
    assert level == pytest.approx((own_level + high_level) / 2)


def test_false_alarms_are_candidates_outside_the_lesion(images):
    image, rule = images[0], rule_of(suppression_mm=1.6)  # one position
    logits = np.zeros((26, 21), np.float32)
    circle = image.outlines[0].circle
    logits[round(circle.row / 8), round(circle.col / 8)] = 9.0
    far = (2, 2) if circle.row > 100 else (23, 2)
    logits[far] = 5.0
    logits[far[0], far[1] + 1] = 4.0  # its shoulder
    alarms = scores_by(logits, image, rule).false_alarms
    assert alarms[:2] == pytest.approx([5.0, 4 - 4 * np.exp(-1 / 2)])
    assert 9.0 not in alarms
    assert scores_by(logits, image, rule).lesions.tolist() == [9.0]


def test_alarms_outside_the_breast_do_not_count(images):
    logits = np.zeros((26, 21), np.float32)
    logits[10, 20] = 7.0
    assert 7.0 not in scores_by(logits, images[1], rule_of()).false_alarms


def test_alarms_in_the_air_that_a_map_reaches_into_do_not_count(images):
    size = {"height": 200, "width": 160, "pitch_px": 8}
    breast = read_breast(images[1].store)
    inside = breast_positions(breast, **size)
    logits = np.zeros((26, 21), np.float32)
    air = finite_positions(breast, **size) & ~inside
    assert air.any()
    logits[air] = 7.0
    assert scores_by(logits, images[1], rule_of()).false_alarms.max() == 0.0


def test_a_map_is_made_of_the_pixels_of_the_store(images):
    asked = []

    def mapper(pixels, rule):
        asked.append(pixels)
        return np.zeros((26, 21), np.float32), None

    map_image(mapper, images[2], rule_of())
    assert len(asked) == 1
    assert asked[0].dtype == np.float32
    assert 0 <= asked[0].min() < asked[0].max() <= 1


def test_auc_and_loss_of_known_values():
    labels, logits = np.array([0, 0, 1]), np.array([-8.0, 1.0, 0.0])
    assert validation_auc(labels, logits) == 0.5
    negatives = (math.log1p(math.exp(-8)) + math.log1p(math.e)) / 2
    assert validation_loss(labels, logits) == pytest.approx(0.5 * (math.log(2) + negatives))


def test_a_missing_class_has_no_auc():
    assert validation_auc(np.zeros(3), np.zeros(3)) is None
    assert validation_loss(np.zeros(0), np.zeros(0)) is None


def scores_of(lesions, alarms):
    return ImageScores(np.zeros(0, np.float32), np.float32(alarms), np.float32(lesions))


def test_the_search_counts_alarms_only_where_they_are_known(images):
    known, unlocated = images[0], dataclasses.replace(images[0], unlocated=True)
    # One alarm on one image lies above the second lesion: from one per image on both are found.
    scores = [scores_of([5.0, 2.0, -np.inf], [3.0])]
    expected = {
        "validation_froc": (1 / 3 + 1 / 3 + 2 / 3 + 2 / 3 + 2 / 3 + 2 / 3) / 6,
        "validation_lesions_with_candidate": 2 / 3,
        "validation_median_rank": 1.0,
    }
    matches, order = validation_matches([known], scores)
    assert search_figures(matches) == pytest.approx(expected)
    # The image without an outline comes first, and neither dilutes the rate nor has alarms.
    matches, order = validation_matches([unlocated, known], [scores_of([], []), *scores])
    assert search_figures(matches) == pytest.approx(expected)
    assert order.tolist() == [1, 0]
    matches, _ = validation_matches([known], [scores_of([], [3.0])])
    assert search_figures(matches) == dict.fromkeys(expected)


def test_candidates_of_a_map_are_searched_with_the_highest_place_of_the_other_breast(images):
    rule, sides = rule_of(), ("L", "R", "")
    both = [
        dataclasses.replace(
            image, patient_id="w", laterality=side, view="CC", unlocated=side == "L"
        )
        for image, side in zip(images, sides, strict=True)
    ]
    maps = []
    for number, image in enumerate(both):
        breast = read_breast(image.store)
        inside = breast_positions(breast, height=200, width=160, pitch_px=8)
        logits = np.where(inside, np.float32(number), np.float32(50))  # the air is no candidate
        maps.append(mapped(logits, image, rule))
    search = search_of(maps, [score_map(one, rule) for one in maps], rule)
    # The image that is not fully outlined comes last.
    np.testing.assert_array_equal(search.highest, [1, 2, 0])
    np.testing.assert_array_equal(search.other, [0, np.nan, 1])
    assert search.matches.images == 2
    assert search.patient.tolist() == ["w"] * 3


def test_without_an_outlined_image_there_are_no_figures_of_the_search(images):
    unlocated = dataclasses.replace(images[0], unlocated=True)
    scores = ImageScores(
        np.zeros(len(images[0].labels), np.float32), *(np.zeros(0, np.float32),) * 2
    )
    figures = validation_figures([unlocated], [scores])
    assert figures["validation_froc"] is figures["validation_median_rank"] is None
    assert figures["validation_auc"] == 0.5
