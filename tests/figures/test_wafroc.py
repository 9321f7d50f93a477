"""The wAFROC figure of merit, worked out by hand, and its bootstrap by plain repetition."""

import numpy as np
import pytest

from pipeline.figures.bootstrap import Searched, patient_weights
from pipeline.figures.figure import Undefined
from pipeline.figures.froc import collect, match_image
from pipeline.figures.wafroc import wafroc, wafroc_samples

NONE = np.zeros((0, 0), dtype=bool)


def image(alarms=(), lesions=()):
    """An image with false alarms of these scores and lesions of these, None where unmarked."""
    marked = [score for score in lesions if score is not None]
    hits = np.zeros((len(alarms) + len(marked), len(lesions)), dtype=bool)
    columns = [column for column, score in enumerate(lesions) if score is not None]
    hits[np.arange(len(alarms), len(hits)), columns] = True
    return match_image([*alarms, *marked], hits)


def searched(images, patients=None, *, fully_outlined=None):
    patients = np.arange(len(images)) if patients is None else np.asarray(patients)
    return Searched(collect(images, fully_outlined=fully_outlined), patients)


def test_it_is_the_value_worked_out_by_hand():
    # Normal images have -inf, 1 and 3 as their highest alarm. The first abnormal image has lesions
    # at 2 and unmarked (1/2 each), the second one at 3 with a worse alarm beside it, which is left
    # out of the count.
    of = searched([image(), image([1.0, 0.5]), image([3.0]), image([], [2, None]), image([9], [3])])
    # 2: above -inf and 1, not 3 -> 2; unmarked: equal to -inf -> 1/2; 3: above two, ties 3 -> 5/2.
    by_hand = (0.5 * 2 + 0.5 * 0.5 + 1 * 2.5) / (3 * 2)
    assert wafroc(of) == pytest.approx(by_hand)
    assert by_hand == 0.625


def test_without_any_mark_it_is_a_half_and_with_nothing_but_hits_one():
    assert wafroc(searched([image(), image([], [None, None])])) == 0.5
    assert wafroc(searched([image(), image([], [0.1, -5])])) == 1.0


def test_an_image_that_is_not_fully_outlined_brings_its_lesions_only():
    of = searched([image([1.0]), image([5.0], [2.0])], fully_outlined=1)
    assert wafroc(of) == 1.0


def test_a_sample_is_the_figure_of_the_repeated_patients():
    rng = np.random.default_rng(3)
    images, patients = [], []
    for number in range(24):
        lesions = [None if rng.random() < 0.2 else round(rng.normal() + 1, 1) for _ in range(3)]
        alarms = np.round(rng.normal(size=rng.integers(0, 4)), 1)
        images.append(image(list(alarms), lesions[: number % 4 if number % 3 == 0 else 0]))
        patients.append(number // 2)
    weights = patient_weights(12, samples=25, seed=0)
    expected = []
    for row in weights:
        drawn = np.repeat(np.arange(24), row[patients].astype(int))
        again = searched([images[i] for i in drawn], [patients[i] for i in drawn])
        try:
            expected.append(wafroc(again))
        except Undefined:
            expected.append(np.nan)
    np.testing.assert_allclose(
        wafroc_samples(searched(images, patients), weights), expected, atol=1e-12
    )


@pytest.mark.parametrize(
    ("images", "lacking"), [([image([1.0])], "lesion"), ([image([1.0], [2.0])], "normal image")]
)
def test_it_needs_lesions_and_normal_images(images, lacking):
    with pytest.raises(Undefined, match=f"at least one {lacking}"):
        wafroc(searched(images))
