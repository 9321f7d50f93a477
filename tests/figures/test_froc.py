"""FROC on a handful of candidates that a reader can count."""

import numpy as np
import pytest

from pipeline.figures.figure import Undefined
from pipeline.figures.froc import (
    FP_RATES,
    candidate_ranks,
    collect,
    froc_curve,
    is_reached,
    match_image,
    mean_sensitivity,
    median_rank,
    sensitivity_at,
    share_with_candidate,
    threshold_at,
)

NO_LESION = np.zeros((0, 0), dtype=bool)


def four_images():
    """Four images, three lesions, false alarms 0.9, 0.7, 0.6 and 0.2."""
    return collect(
        [
            match_image([0.8, 0.6], [[True], [False]]),
            match_image([0.9, 0.5, 0.4], [[False], [True], [True]]),
            match_image([0.7, 0.2], np.zeros((2, 0), dtype=bool)),
            match_image([0.1], [[False]], neutral=[True]),
        ]
    )


def test_a_lesion_keeps_its_best_score_and_further_hits_are_no_false_alarms():
    best, false = match_image([0.3, 0.9, 0.5], [[True], [True], [False]])
    assert best.tolist() == [0.9]
    assert false.tolist() == [0.5]


def test_a_missed_lesion_has_the_score_minus_infinity():
    best, false = match_image([0.4], [[True, False]])
    assert best.tolist() == [0.4, -np.inf]
    assert not len(false)


def test_one_point_in_two_overlapping_lesions_finds_both():
    best, _ = match_image([0.4], [[True, True]])
    assert best.tolist() == [0.4, 0.4]


def test_a_point_in_a_finding_that_does_not_count_is_neither_hit_nor_false_alarm():
    best, false = match_image([0.4, 0.3], [[False], [False]], neutral=[True, False])
    assert best.tolist() == [-np.inf]
    assert false.tolist() == [0.3]


def test_sensitivity_takes_the_lowest_threshold_with_at_most_that_many_false_alarms():
    matches = four_images()
    assert sensitivity_at(matches, 0.0) == 0.0  # 0.9 is the best of all and false
    assert sensitivity_at(matches, 0.25) == pytest.approx(1 / 3)  # the lesion at 0.8
    assert sensitivity_at(matches, 0.5) == pytest.approx(1 / 3)  # 0.6 is still excluded
    assert sensitivity_at(matches, 0.75) == pytest.approx(2 / 3)  # the lesion at 0.5
    assert sensitivity_at(matches, 0.74) == pytest.approx(1 / 3)


def test_rates_beyond_the_last_candidate_are_marked_and_hold_the_last_seen_value():
    matches = four_images()
    assert is_reached(matches, 1.0)
    assert not is_reached(matches, 2.0)
    assert sensitivity_at(matches, 8.0) == pytest.approx(2 / 3)


def test_the_mean_is_over_the_six_standard_rates():
    assert FP_RATES == (0.25, 0.5, 1, 2, 4, 8)
    assert mean_sensitivity(four_images()) == pytest.approx((1 / 3 * 2 + 2 / 3 * 4) / 6)


def test_an_oracle_without_false_alarms_gets_one_at_every_rate():
    oracle = collect([match_image([1.0, 1.0], np.eye(2, dtype=bool)), match_image([], NO_LESION)])
    assert mean_sensitivity(oracle) == 1.0
    assert sensitivity_at(oracle, 0.0) == 1.0


def test_a_lesion_that_ties_with_an_excluded_false_alarm_is_not_found():
    tied = collect([match_image([0.5, 0.5], [[True], [False]])])
    assert sensitivity_at(tied, 0.5) == 0.0
    assert sensitivity_at(tied, 1.0) == 1.0


def test_the_threshold_lets_through_exactly_the_allowed_false_alarms():
    matches = four_images()
    threshold = threshold_at(matches, 0.5)  # two of 0.9, 0.7, 0.6, 0.2
    assert threshold == pytest.approx(0.65)
    assert np.sum(matches.false_scores >= threshold) == 2


def test_tied_false_alarms_stay_out_together():
    matches = collect([match_image([0.5, 0.5, 0.5], np.zeros((3, 0), dtype=bool))])
    assert np.sum(matches.false_scores >= threshold_at(matches, 2)) == 0


def test_a_rate_that_is_never_reached_gives_the_lowest_candidate_as_threshold():
    assert threshold_at(four_images(), 8.0) == pytest.approx(0.2)


def test_the_curve_passes_through_the_sensitivities():
    rates, sensitivity = froc_curve(four_images())
    assert rates.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    np.testing.assert_allclose(sensitivity, np.array([0, 1, 1, 2, 2]) / 3)


def test_without_lesions_or_candidates_the_error_says_so():
    empty = collect([match_image([], NO_LESION)])
    with pytest.raises(ValueError, match="at least one lesion"):
        sensitivity_at(empty, 1.0)
    with pytest.raises(ValueError, match="at least one candidate"):
        threshold_at(empty, 1.0)
    with pytest.raises(ValueError, match="at least one image"):
        collect([])


def test_images_that_are_not_fully_outlined_add_lesions_and_neither_alarms_nor_images():
    whole = match_image([0.9, 0.4], [[True], [False]])
    partly = match_image([0.8, 0.7], [[True], [False]])
    matches = collect([whole, partly], fully_outlined=1)
    assert matches.lesion_scores.tolist() == [0.9, 0.8]
    assert matches.false_scores.tolist() == [0.4]
    assert (matches.images, matches.lesion_images.tolist()) == (1, [0, 1])
    with pytest.raises(Undefined, match="a false alarm is known to be one"):
        collect([partly], fully_outlined=0)


def test_hits_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"hits \(n, lesions\)"):
        match_image([0.1, 0.2], [[True]])


def test_a_rank_counts_the_false_alarms_of_its_own_mammogram_that_stand_before():
    matches = collect(
        [
            match_image([0.9, 0.8, 0.7], [[False], [True], [False]]),
            match_image([0.9, 0.5], [[False, True], [False, False]]),
            match_image([0.6, 0.6], [[True], [False]]),  # a tie stands before
            match_image([0.4, 0.9], [[True], [False]]),  # nobody knows the false alarms
        ],
        fully_outlined=3,
    )
    np.testing.assert_array_equal(candidate_ranks(matches), [2, np.nan, 1, 2, np.nan])
    assert median_rank(matches) == 2
    assert share_with_candidate(matches) == pytest.approx(4 / 5)


def test_without_lesions_there_is_no_share_and_no_rank():
    empty = collect([match_image([0.5], np.zeros((1, 0), bool))])
    for figure in (share_with_candidate, median_rank):
        with pytest.raises(Undefined, match="lesion"):
            figure(empty)
