"""Where the film ends, on the pixels of the DICOM image."""

import numpy as np

# A step of this part of the grey scale is an edge.
_LEAST_STEP = 0.04


def film_edges(
    pixels: np.ndarray, breast: np.ndarray, film: tuple[slice, slice]
) -> tuple[slice, slice]:
    """Rows and columns of the film, to the pixel where the breast reaches its edge.

    Args:
        pixels: (H, W) float32 from 0 to 1.
        breast: (h, w) bool, the breast on the same image reduced in size.
        film: rows and columns of the film on the reduced image.
    """
    rows = _span(pixels, breast, film[0])
    cols = _span(pixels.T, breast.T, film[1])
    return rows, cols


def _span(pixels: np.ndarray, breast: np.ndarray, span: slice) -> slice:
    """First and last line of the film along the first axis."""
    step = len(pixels) / len(breast)
    first = _first_line(pixels, breast[span.start], span.start * step, step)
    before_last = _first_line(
        pixels[::-1], breast[span.stop - 1], (len(breast) - span.stop) * step, step
    )
    return slice(first, len(pixels) - before_last)


def _first_line(pixels: np.ndarray, touching: np.ndarray, guess: float, step: float) -> int:
    """The first line that is more like the breast than like the frame outside.

    Args:
        pixels: (H, W), lines counted from the edge.
        touching: (w,) bool, where the breast reaches this edge on the reduced image.
        guess: line of the edge on the reduced image, in lines of `pixels`.
        step: lines of `pixels` per line of the reduced image.
    """
    known = round(guess)
    reach = int(np.ceil(2 * step))
    start, stop = max(known - reach, 0), min(known + reach, len(pixels))
    across = np.flatnonzero(touching)
    if not across.size or stop - start < 3:
        return known
    across = ((across + 0.5) * pixels.shape[1] / len(touching)).astype(np.int64)
    profile = pixels[start:stop][:, across].mean(axis=1)
    outside, inside = profile[0], profile[-max(reach // 2, 1) :].mean()
    if abs(inside - outside) < _LEAST_STEP:
        return known
    other = np.flatnonzero(np.abs(profile - outside) < np.abs(profile - inside))
    return start + int(other[-1]) + 1
