"""The phantom's texture has the spectrum of mammograms."""

import cv2
import numpy as np
import pytest

from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.picture import draw_picture
from pipeline.ingest.phantom.plan import plan_patient
from pipeline.ingest.phantom.texture import power_law_field, radial_power

# Where the exponent is measured, in cycles per mm: below, the shape of the breast shows; above,
# the noise of the detector.
LOWEST_PER_MM, HIGHEST_PER_MM = 0.1, 0.8


def spectrum_exponent(squares: list[np.ndarray], spacing_mm: float) -> float:
    """The exponent b of power ~ 1/f^b, by a line through the radial mean in log-log axes."""
    ring, power = radial_power(np.array(squares))
    per_mm = np.arange(len(power)) / (ring.shape[0] * spacing_mm)
    used = (per_mm >= LOWEST_PER_MM) & (per_mm <= HIGHEST_PER_MM)
    slope, _ = np.polyfit(np.log(per_mm[used]), np.log(power[used]), 1)
    return float(-slope)


def _squares(image: np.ndarray, n: int, inside: np.ndarray | None = None) -> list[np.ndarray]:
    corners = [
        (row, col)
        for row in range(0, image.shape[0] - n + 1, n)
        for col in range(0, image.shape[1] - n + 1, n)
    ]
    inside = np.ones(image.shape, bool) if inside is None else inside
    return [
        image[row : row + n, col : col + n]
        for row, col in corners
        if inside[row : row + n, col : col + n].all()
    ]


@pytest.mark.parametrize("exponent", [2.0, 3.0])
def test_the_measured_exponent_is_the_one_that_was_asked_for(exponent):
    rng = np.random.default_rng(0)
    field = power_law_field((1024, 1024), spacing_mm=0.2, rng=rng, exponent=exponent)
    measured = spectrum_exponent(_squares(field, 128), 0.2)
    assert measured == pytest.approx(exponent, abs=0.15)


def test_a_field_has_mean_zero_and_deviation_one_in_float32():
    field = power_law_field((100, 70), spacing_mm=0.2, rng=np.random.default_rng(1))
    assert field.shape == (100, 70) and field.dtype == np.float32
    assert abs(float(field.mean())) < 1e-5
    assert float(field.std()) == pytest.approx(1, abs=1e-4)


def test_opposite_edges_of_a_field_do_not_continue_each_other():
    field = power_law_field((256, 256), spacing_mm=0.2, rng=np.random.default_rng(2))
    neighbours = np.abs(np.diff(field, axis=1)).mean()
    assert np.abs(field[:, 0] - field[:, -1]).mean() > 5 * neighbours


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_the_exponent_inside_the_breasts_of_the_phantom_is_that_of_mammograms(view):
    """Between 2.7 and 3.3: https://doi.org/10.1118/1.1355308 (Burgess 2001)."""
    phantom = PhantomSettings()
    squares = []
    for index in range(8):
        picture = draw_picture(plan_patient(index, phantom), "L", view, phantom)
        skin_px = cv2.distanceTransform(picture.breast.astype(np.uint8), cv2.DIST_L2, 5)
        squares += _squares(picture.pixels.astype(np.float32), 128, skin_px > 8 / 0.2)
    assert len(squares) > 30
    assert 2.7 < spectrum_exponent(squares, 0.2) < 3.3
