"""Tissue texture with a power-law spectrum, and the spectrum of pictures.

The power spectrum of mammograms falls like 1/f^exponent, with an exponent around 3.

Source: Burgess, Jacobson, Judy, Human observer detection experiments with mammograms and
power-law noise, Medical Physics 28(4), 2001, https://doi.org/10.1118/1.1355308
"""

import numpy as np
import scipy.fft

EXPONENT = 3.0  # Burgess 2001


def power_law_field(
    shape: tuple[int, int],
    *,
    spacing_mm: float,
    rng: np.random.Generator,
    exponent: float = EXPONENT,
) -> np.ndarray:
    """Gaussian noise whose 2-D power spectrum is proportional to 1/f^exponent.

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


def windowed_spectra(squares: np.ndarray) -> np.ndarray:
    """Fourier transforms of squares, each without its mean and under a Hann window.

    Args:
        squares: (squares, n, n) grey values.

    Returns:
        (squares, n, n) complex; their squared magnitudes are periodograms.
    """
    window = np.hanning(squares.shape[-1] + 1)[:-1]
    window = np.outer(window, window)
    centred = squares - squares.mean(axis=(1, 2), keepdims=True)
    return scipy.fft.fft2(centred * (window / np.sqrt(np.sum(window**2))))


def radial_power(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean power of squares by rings of the frequency.

    Args:
        squares: (squares, n, n) grey values.

    Returns:
        The ring of each frequency, (n, n) int, in units of one wave per square, and the mean
        power of each ring.
    """
    n = squares.shape[-1]
    power = np.mean(np.abs(windowed_spectra(squares)) ** 2, axis=0)
    waves = np.fft.fftfreq(n, 1 / n)
    ring = np.rint(np.hypot(waves[:, None], waves[None, :])).astype(int)
    return ring, np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
