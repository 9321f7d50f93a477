"""What the film or detector shows beside the breast: a smooth surface, and noise on it."""

from dataclasses import dataclass

import numpy as np

from pipeline.preprocess.breast.binary_masks import dilated

# Half a grey value of 8 bits: air that is clipped to one value still has this much.
LEAST_NOISE = 0.0015
_SAMPLES = 4000
_ROUNDS = 12
# The skin of a thick breast rises over this distance from the bright core.
_RIM_MM = 12.0
_FEWEST_SHARE = 0.005


@dataclass(frozen=True)
class Air:
    """Grey values where there is no breast.

    Attributes:
        level: (h, w) what the air would be at every pixel, the breast's own included.
        noise: standard deviation around it.
        seen: False where no film was left to measure; then the level is the image's minimum.
    """

    level: np.ndarray
    noise: float
    seen: bool


def measure_air(smooth: np.ndarray, core: np.ndarray, bright: float, *, spacing_mm: float) -> Air:
    """Fit a surface of second order through the dark, flat part of the film.

    Flat, because the skin is dark too, but rises; and robustly (Cauchy weights, from a low
    quantile on), because glow and faint labels are brighter than the film and never darker.

    Args:
        smooth: (h, w) grey values from 0 to 1.
        core: (h, w) bool, surely breast.
        bright: grey value from which a pixel counts as bright.
    """
    film = (smooth < bright) & ~dilated(core, _RIM_MM / spacing_mm)
    if film.mean() < _FEWEST_SHARE:
        return Air(np.full(smooth.shape, smooth.min()), LEAST_NOISE, seen=False)
    slope = np.hypot(*np.gradient(smooth))
    film &= slope <= np.median(slope[film])
    terms = _terms(smooth.shape)
    every = max(int(film.sum()) // _SAMPLES, 1)
    known = terms[film][::every]
    values = smooth[film][::every].astype(np.float64)
    coefficients, noise = _fitted(known, values)
    level = np.maximum(terms @ coefficients, smooth.min())
    return Air(level.astype(np.float32), noise, seen=True)


def _terms(shape: tuple[int, int]) -> np.ndarray:
    """(h, w, 6): 1, row, col and their products, rows and columns from -1 to 1."""
    rows, cols = np.meshgrid(
        np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij"
    )
    ones = np.ones(shape)
    return np.stack([ones, rows, cols, rows * rows, cols * cols, rows * cols], axis=-1)


def _fitted(known: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients of the terms by reweighted least squares, and the noise left over.

    A slight ridge keeps the surface flat where there are too few points to bend it.
    """
    ridge = 1e-3 * np.diag(np.r_[0.0, np.ones(known.shape[1] - 1)])
    residual = values - np.quantile(values, 0.3)
    coefficients = np.zeros(known.shape[1])
    for _ in range(_ROUNDS):
        noise = _spread(residual[residual <= 0])
        weights = 1 / (1 + (residual / (2 * noise)) ** 2)
        weighted = known.T * weights
        coefficients = np.linalg.solve(weighted @ known + ridge * weights.sum(), weighted @ values)
        residual = values - known @ coefficients
    return coefficients, _spread(residual[np.abs(residual) < 6 * noise])


def _spread(residual: np.ndarray) -> float:
    """Standard deviation by the median, so that outliers do not enter."""
    return max(1.4826 * float(np.median(np.abs(residual))), LEAST_NOISE)
