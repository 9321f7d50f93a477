"""Figures of ranking in bootstrap samples agree with plain repetition, whatever the workers."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from pipeline.figures.bootstrap import (
    Scored,
    Searched,
    patient_weights,
    share_with_candidate_samples,
)
from pipeline.figures.figure import Undefined, percentile_interval
from pipeline.figures.froc import (
    FP_RATES,
    collect,
    match_image,
    median_rank,
    sensitivity_at,
    share_with_candidate,
)
from pipeline.figures.ranking import average_precision, partial_auc, roc_auc
from pipeline.figures.ranking_bootstrap import (
    auc_samples,
    average_precision_samples,
    froc_samples,
    median_rank_samples,
    partial_auc_samples,
)


def positions(*, patients=12, each=60, seed=2):
    """Scores with ties; a third of the patients have positives."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(patients), each)
    labels = ((patient % 3 == 0) & (rng.random(len(patient)) < 0.3)).astype(int)
    scores = np.round(rng.normal(size=len(patient)) + 1.5 * labels + 0.3 * (patient % 2), 1)
    return labels, scores, patient


@pytest.mark.parametrize(
    ("samples_of", "figure"),
    [
        (auc_samples, roc_auc),
        (average_precision_samples, average_precision),
        (partial_auc_samples, partial_auc),
    ],
)
def test_a_sample_is_the_figure_of_the_repeated_patients(samples_of, figure):
    labels, scores, patient = positions()
    weights = patient_weights(12, samples=25, seed=0)
    expected = [figure(labels, scores, row[patient]) for row in weights]
    np.testing.assert_allclose(
        samples_of(Scored(labels, scores, patient), weights), expected, rtol=0, atol=1e-12
    )


def test_a_sample_without_a_positive_is_nan():
    weights = np.array([[2.0, 0.0], [1.0, 1.0]])
    cases = Scored(np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1]))
    for samples_of in (auc_samples, average_precision_samples):
        first, second = samples_of(cases, weights)
        assert np.isnan(first)
        assert second == 1.0


@pytest.mark.parametrize(
    "samples_of", [auc_samples, average_precision_samples, partial_auc_samples]
)
def test_any_number_of_workers_gives_the_same_bits(samples_of):
    cases, weights = Scored(*positions()), patient_weights(12, samples=70, seed=0)
    alone, shared = (samples_of(cases, weights, workers=workers) for workers in (1, 2))
    one_by_one = [samples_of(cases, row[None])[0] for row in weights]
    assert alone.tobytes() == shared.tobytes() == np.array(one_by_one).tobytes()


def test_many_patients_take_no_table_of_their_pairs():
    patients = 4000  # whose pairs would take 128 MB
    cases = Scored(*positions(patients=patients, each=2))
    weights = patient_weights(patients, samples=20, seed=0)
    tracemalloc.start()
    auc_samples(cases, weights, workers=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def test_a_curve_that_is_summed_in_parts_has_the_area_of_the_whole(monkeypatch):
    cases, weights = Scored(*positions()), patient_weights(12, samples=20, seed=0)
    whole = partial_auc_samples(cases, weights, max_false_rate=0.4)
    monkeypatch.setattr("pipeline.figures.ranking_bootstrap._POINTS", 3)
    assert whole.tobytes() == partial_auc_samples(cases, weights, max_false_rate=0.4).tobytes()
    monkeypatch.setattr("pipeline.figures.ranking_bootstrap._SUMMED", 5)
    parts = partial_auc_samples(cases, weights, max_false_rate=0.4)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-12)


def some_matches(*, fully_outlined=16):
    rng = np.random.default_rng(8)
    matched = []
    for image in range(16):
        scores = np.round(rng.random(12), 1)
        hits = rng.random((12, image % 3)) < 0.1
        matched.append(match_image(scores, hits))
    return collect(matched, fully_outlined=fully_outlined), np.arange(16) // 2


def repeat(matches, times, *, fully_outlined):
    """The matches with each image so many times."""
    return collect(
        [
            (
                matches.lesion_scores[matches.lesion_images == image],
                matches.false_scores[matches.false_images == image],
            )
            for image in range(16)
            for _ in range(int(times[image]))
        ],
        fully_outlined=int(times[:fully_outlined].sum()),
    )


@pytest.mark.parametrize("fully_outlined", [16, 9])
def test_an_froc_sample_is_the_sensitivity_of_the_repeated_patients(fully_outlined):
    matches, patient_of_image = some_matches(fully_outlined=fully_outlined)
    weights = patient_weights(8, samples=20, seed=1)
    got = froc_samples(Searched(matches, patient_of_image), weights)
    for row, sample in zip(weights, got, strict=True):
        repeated = repeat(matches, row[patient_of_image], fully_outlined=fully_outlined)
        np.testing.assert_allclose(sample, [sensitivity_at(repeated, r) for r in FP_RATES])


@pytest.mark.parametrize("fully_outlined", [16, 12])
@pytest.mark.parametrize(
    ("samples", "figure"),
    [
        (share_with_candidate_samples, share_with_candidate),
        (median_rank_samples, median_rank),
    ],
)
def test_a_sample_of_lesions_is_the_figure_of_the_repeated_patients(
    samples, figure, fully_outlined
):
    matches, patient_of_image = some_matches(fully_outlined=fully_outlined)
    lost = np.where(np.arange(len(matches.lesion_scores)) % 4 == 1, -np.inf, matches.lesion_scores)
    matches = replace(matches, lesion_scores=lost)
    weights = patient_weights(8, samples=20, seed=1)
    got = samples(Searched(matches, patient_of_image), weights)
    for row, sample in zip(weights, got, strict=True):
        repeated = repeat(matches, row[patient_of_image], fully_outlined=fully_outlined)
        try:
            assert sample == pytest.approx(figure(repeated))
        except Undefined:
            assert np.isnan(sample)


def test_the_unweighted_sample_is_the_figure_itself():
    matches, patient_of_image = some_matches()
    (got,) = froc_samples(Searched(matches, patient_of_image), np.ones((1, 8)))
    np.testing.assert_allclose(got, [sensitivity_at(matches, r) for r in FP_RATES])


def test_the_interval_contains_the_value_and_narrows_with_more_patients():
    widths = []
    for patients in (12, 240):
        labels, scores, patient = positions(patients=patients)
        weights = patient_weights(patients, samples=300, seed=0)
        low, high = percentile_interval(
            auc_samples(Scored(labels, scores, patient), weights), confidence=0.95
        )
        assert low < roc_auc(labels, scores) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
