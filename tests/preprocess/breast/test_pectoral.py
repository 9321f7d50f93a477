"""The pectoral muscle: straight, bent, faint, absent, in views that have none."""

import numpy as np
import pytest

from pipeline.preprocess.breast.pectoral import find_pectoral

HEIGHT, WIDTH = 250, 160
SPACING_MM = 0.8


def view(*, bend=0.0, muscle=0.3, noise=0.01, across=70, down=150):
    """An oblique view, the breast, and the muscle that cuts its corner off."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    breast = cols < 95 + 45 * np.sin(rows / 75)
    line = across * (1 - rows / down) + bend * np.sin(np.pi * np.clip(rows / down, 0, 1))
    corner = (cols < line) & (rows < down)
    depth = np.clip((95 + 45 * np.sin(rows / 75) - cols) / 30, 0, 1)
    light = np.where(breast, 0.2 + 0.35 * depth, 0.02) + np.where(corner, muscle, 0)
    light += noise * np.random.default_rng(0).standard_normal(light.shape)
    return np.clip(light, 0, 1).astype(np.float32), breast, corner & breast


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def found(light, breast):
    return find_pectoral(light, breast, spacing_mm=SPACING_MM)


@pytest.mark.parametrize(("across", "down"), [(70, 150), (40, 200), (85, 90)])
def test_a_straight_edge_is_found_at_any_usual_angle(across, down):
    light, breast, muscle = view(across=across, down=down)
    assert overlap(found(light, breast), muscle) > 0.92


@pytest.mark.parametrize("across", [60, 80])
def test_a_bent_edge_is_followed_better_than_a_straight_line_could(across):
    light, breast, muscle = view(bend=10, across=across, down=180)
    assert overlap(found(light, breast), muscle) > 0.935


def test_the_scale_of_the_grey_values_does_not_matter():
    light, breast, muscle = view()
    assert overlap(found(light * 0.1, breast), muscle) > 0.92


def test_a_view_without_a_muscle_has_none():
    light, breast, _ = view(muscle=0)
    assert found(light, breast) is None


@pytest.mark.parametrize(("muscle", "noise"), [(0.02, 0.03), (0.028, 0.0)])
def test_an_edge_as_faint_as_the_gland_is_not_believed(muscle, noise):
    light, breast, _ = view(muscle=muscle, noise=noise)
    assert found(light, breast) is None


def test_the_skin_is_not_taken_for_the_muscle():
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    breast = cols < 120 - 0.45 * rows
    light = np.where(breast, 0.6, 0.02).astype(np.float32)
    assert found(light, breast) is None


def test_a_breast_that_begins_below_the_top_as_in_another_view_has_none():
    light, breast, _ = view()
    light, breast = (np.pad(part, ((40, 0), (0, 0))) for part in (light, breast))
    assert found(light, breast) is None
    assert found(light, np.zeros_like(breast)) is None


def test_the_muscle_lies_in_the_breast_and_nothing_is_modified():
    light, breast, _ = view()
    before = light.copy(), breast.copy()
    assert not (found(light, breast) & ~breast).any()
    assert np.array_equal(light, before[0]) and np.array_equal(breast, before[1])
