"""Tissue texture with a power-law spectrum, and how its exponent is measured.

The power spectrum of mammograms falls like 1/f^exponent, with an exponent around 3.

Source: Burgess, Jacobson, Judy, Human observer detection experiments with mammograms and
power-law noise, Medical Physics 28(4), 2001, https://doi.org/10.1118/1.1355308
"""

import numpy as np
import scipy.fft

EXPONENT = 3.0  # Burgess 2001
# Where the exponent is measured, in cycles per mm: below, the shape of the breast shows;
# above, the noise of the detector.
FREQUENCIES_PER_MM = (0.1, 0.8)


def power_law_field(
    shape: tuple[int, int],
    *,
    spacing_mm: float,
    rng: np.random.Generator,
    exponent: float = EXPONENT,
) -> np.ndarray:
    """Gaussian noise whose 2-D power spectrum is proportional to 1/f^exponent.

    Args:
        shape: rows and columns.
        spacing_mm: distance of the pixels, in mm.
        rng: source of the noise.
        exponent: of the power spectrum.

    Returns:
        (rows, columns) float32 with mean 0 and standard deviation 1. It does not wrap around.
    """
    # A quarter more on each axis keeps opposite edges independent of each other.
    padded = tuple(scipy.fft.next_fast_len(n + n // 4, real=True) for n in shape)
    noise = rng.standard_normal(padded, dtype=np.float32)
    rows = np.fft.fftfreq(padded[0], spacing_mm)[:, None]
    cols = np.fft.rfftfreq(padded[1], spacing_mm)[None, :]
    frequency = np.hypot(rows, cols)
    frequency[0, 0] = np.inf  # no mean
    gain = (frequency ** (-exponent / 2)).astype(np.float32)
    field = scipy.fft.irfft2(scipy.fft.rfft2(noise) * gain, s=padded)[: shape[0], : shape[1]]
    return ((field - field.mean()) / field.std()).astype(np.float32)


def power_spectrum(squares: np.ndarray, spacing_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean periodogram of squares, each without its mean and under a Hann window.

    Args:
        squares: (squares, n, n) grey values.
        spacing_mm: distance of the pixels, in mm.

    Returns:
        Frequency in cycles per mm and power, both (n, n).
    """
    n = squares.shape[-1]
    window = np.hanning(n + 1)[:-1]
    window = np.outer(window, window)
    centred = squares - squares.mean(axis=(1, 2), keepdims=True)
    power = np.mean(np.abs(scipy.fft.fft2(centred * window)) ** 2, axis=0)
    frequency = np.fft.fftfreq(n, spacing_mm)
    return np.hypot(frequency[:, None], frequency[None, :]), power / np.sum(window**2)


def spectrum_exponent(squares: np.ndarray, spacing_mm: float) -> float:
    """The exponent b of power ~ 1/f^b, by a line through the radial mean in log-log axes.

    Args:
        squares: (squares, n, n) grey values from inside the breast.
        spacing_mm: distance of the pixels, in mm.
    """
    frequency, power = power_spectrum(squares, spacing_mm)
    step = 1 / (squares.shape[-1] * spacing_mm)
    ring = np.rint(frequency / step).astype(int).ravel()
    count = np.bincount(ring)
    mean_power = np.bincount(ring, power.ravel()) / count
    mean_frequency = np.bincount(ring, frequency.ravel()) / count
    low, high = FREQUENCIES_PER_MM
    used = (mean_frequency >= low) & (mean_frequency <= high)
    slope, _ = np.polyfit(np.log(mean_frequency[used]), np.log(mean_power[used]), 1)
    return float(-slope)
