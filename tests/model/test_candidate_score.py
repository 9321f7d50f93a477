"""The score of candidates: what it says, how it is fitted, and what it is worth for other women."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from pipeline.figures.froc import Matches
from pipeline.model.candidate_score import CandidateScore, Term
from pipeline.model.card import ModelCard, read_card, write_card
from pipeline.model.fit_candidate_score import FOLDS, Search, fit_candidate_score
from pipeline.model.other_breast import other_breast
from tests.model.cards import a_card

SCORE = CandidateScore(
    intercept=-1.0,
    lowered=Term(weight=0.5, mean=2.0),
    highest=Term(weight=-0.2, mean=5.0),
    other=Term(weight=-0.1, mean=4.0),
    lesions=40,
    women=60,
)


def test_the_log_odds_are_the_sum_of_the_terms():
    expected = -1 + 0.5 * (6 - 2) - 0.2 * (7 - 5) - 0.1 * (1 - 4)
    assert SCORE.log_odds(6.0, highest=7.0, other=1.0) == pytest.approx(expected)


def test_a_mammogram_without_the_other_breast_is_scored_as_beside_a_usual_one():
    alone = SCORE.log_odds([6.0, 2.0], highest=7.0, other=np.nan)
    np.testing.assert_allclose(alone, SCORE.log_odds([6.0, 2.0], highest=7.0, other=4.0))


def test_the_other_breast_is_that_of_the_same_woman_in_the_same_view():
    rows = [
        ("a", "L", "CC"), ("a", "R", "CC"), ("a", "R", "CC"), ("a", "R", "MLO"),
        ("b", "L", "CC"), ("c", "", "CC"), ("c", "R", "CC"),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["patient_id", "laterality", "view"])
    other = other_breast(table, np.arange(7.0))
    np.testing.assert_array_equal(other, [2, 0, 0, np.nan, np.nan, np.nan, np.nan])


def searched(*, women: int = 60, seed: int = 0) -> Search:
    """Both breasts of each woman; two thirds of the women have one lesion, which lies higher."""
    rng = np.random.default_rng(seed)
    patient = np.repeat([f"w{n:03}" for n in range(women)], 2)
    images = 2 * women
    level = np.repeat(rng.normal(size=women), 2)
    ill = np.arange(0, 2 * women, 3)
    lesion_scores = level[ill] + rng.normal(2.5, 1.0, size=len(ill))
    false_images = np.repeat(np.arange(images), 5)
    false_scores = level[false_images] + rng.normal(size=5 * images)
    highest = np.full(images, -np.inf)
    np.maximum.at(highest, false_images, false_scores)
    np.maximum.at(highest, ill, lesion_scores)
    other = highest.reshape(-1, 2)[:, ::-1].ravel()
    matches = Matches(lesion_scores, ill, false_scores, false_images, images)
    return Search(matches, patient, highest, other)


def with_lesions(search: Search, scores: np.ndarray) -> Search:
    return replace(search, matches=replace(search.matches, lesion_scores=scores))


def test_a_fitted_score_promises_as_many_findings_as_there_are_and_ranks_by_the_logit():
    search = searched()
    score = fit_candidate_score(search).score
    matches = search.matches
    images = np.concatenate([matches.lesion_images, matches.false_images])
    lowered = np.concatenate([matches.lesion_scores, matches.false_scores])
    of = {"highest": search.highest[images], "other": search.other[images]}
    promised = expit(score.log_odds(lowered, **of))
    assert promised.sum() == pytest.approx(len(matches.lesion_scores), rel=1e-3)
    assert score.lowered.weight > 0
    # Both breasts of a woman err together, so the other one's height speaks against a finding.
    assert score.other.weight < 0
    assert (score.lesions, score.women) == (40, 60)


def test_the_mean_of_the_other_breast_is_that_of_those_that_are_there():
    search = searched()
    lacking = replace(search, other=np.where(np.arange(120) % 3 == 1, np.nan, 7.0))
    assert fit_candidate_score(lacking).score.other.mean == pytest.approx(7.0)
    none = replace(search, other=np.full(120, np.nan))
    assert fit_candidate_score(none).score.other == Term(weight=0.0, mean=0.0)


def test_a_lesion_without_a_candidate_keeps_none():
    search = searched()
    scores = search.matches.lesion_scores.copy()
    scores[3] = -np.inf
    fitted = fit_candidate_score(with_lesions(search, scores))
    assert fitted.nested.lesion_scores[3] == -np.inf
    assert np.isfinite(np.delete(fitted.nested.lesion_scores, 3)).all()
    assert fitted.score.lesions == 39


def test_with_few_lesions_or_a_logit_that_says_nothing_there_is_no_score():
    assert fit_candidate_score(searched(women=43)) is None  # 29 lesions
    assert fit_candidate_score(searched(women=45)) is not None  # 30
    search = searched()
    assert fit_candidate_score(with_lesions(search, search.matches.lesion_scores - 9)) is None


def test_a_womans_own_labels_do_not_move_her_nested_scores_and_move_those_of_others():
    search = searched()
    matches, patient = search.matches, search.patient
    her = np.flatnonzero(patient[matches.lesion_images] == "w000")
    assert len(her) == 1
    before = fit_candidate_score(search).nested
    # Her lesion becomes a false alarm of the same score in the same mammogram.
    relabelled = Matches(
        np.delete(matches.lesion_scores, her),
        np.delete(matches.lesion_images, her),
        np.append(matches.false_scores, matches.lesion_scores[her]),
        np.append(matches.false_images, matches.lesion_images[her]),
        matches.images,
    )
    after = fit_candidate_score(replace(search, matches=relabelled)).nested
    assert after.false_scores[-1] == before.lesion_scores[her.item()]
    own = patient[matches.false_images] == "w000"
    np.testing.assert_array_equal(after.false_scores[:-1][own], before.false_scores[own])
    others = ~np.isin(patient[matches.false_images], [f"w{n:03}" for n in range(0, 60, FOLDS)])
    assert (after.false_scores[:-1][others] != before.false_scores[others]).all()


def test_model_json_keeps_the_score_and_a_card_without_one_ranks_by_the_calibrated_logit(tmp_path):
    card = a_card(candidate_score=SCORE)
    write_card(tmp_path, card)
    assert read_card(tmp_path).candidate_score == SCORE
    scored = card.score(np.array([6.0]), highest=7.0, other=1.0)
    assert scored["candidate_probability"] == pytest.approx(expit(scored["score"]))
    write_card(tmp_path, a_card())
    plain = read_card(tmp_path)
    assert plain.candidate_score is None
    scored = plain.score(np.array([6.0]), highest=7.0, other=1.0)
    assert scored["score"] == pytest.approx(plain.calibration.logit(np.array([6.0])))
    assert np.isnan(scored["candidate_probability"]).all()


def test_another_prior_moves_the_odds_of_candidates_as_it_moves_those_of_positions():
    card: ModelCard = a_card(candidate_score=SCORE)
    moved = card.with_prior(0.3).candidate_score
    by = logit(0.3) - logit(card.calibration.natural_prior)
    assert moved.intercept - SCORE.intercept == pytest.approx(by)
    assert (moved.lowered, moved.other) == (SCORE.lowered, SCORE.other)
