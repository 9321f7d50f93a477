"""What lies on a film besides the breast: frame, white air, tape, strips of glow; where it ends."""

import numpy as np
from scipy import ndimage

from pipeline.preprocess.breast.binary_masks import dilated, main_part, parts, thickness_px

_BLACK = 0.004
_WHITE = 0.97
_WHITE_STEP = 0.8
# Share of a line of a black frame that is lit at most beside the film; share that must come up at
# once where it ends.
_DARK, _FRAME_STEP = 0.03, 0.25
# Glow of the film's edge beside the breast: how far along it is looked for, how wide it may be.
_STRIP_MM = 12.0
_WIDEST_STRIP_MM = 15.0
# White air holds so much of the image's border; it is wider than a frame; it leaves a breast.
_AIR_AT_BORDER = 0.5
_WIDEST_FRAME_MM = 25.0
_MOST_AIR = 0.98
# Tape: the share of the rows in which it may end; its step in the root of the grey value; the
# share of the breast's columns that must have it; how bright it is at least, compared with the
# breast, since above the skin there is air.
_TAPE_REACH = 0.12
_TAPE_STEP = 0.04
_TAPE_SHARE = 0.35
_TAPE_LIGHT = 0.7
# A step of this part of the grey scale is an edge of the film.
_LEAST_STEP = 0.04


def without_white_air(light: np.ndarray, *, spacing_mm: float) -> np.ndarray:
    """Blacken saturated surroundings that hold most of the border of the image.

    Args:
        light: (h, w) float32 from 0 to 1.
    """
    labels, count = parts(light >= _WHITE)
    border = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    shares = np.bincount(border, minlength=count + 1) / border.size
    shares[0] = 0
    part = labels == int(shares.argmax())
    if shares.max() < _AIR_AT_BORDER or part.mean() > _MOST_AIR:
        return light
    is_frame = thickness_px(part) * spacing_mm < _WIDEST_FRAME_MM
    return light if is_frame else np.where(dilated(part, 2), light.min(), light)


def film_box(light: np.ndarray) -> tuple[slice, slice]:
    """The part of the image inside black frames and white edges that run along a whole side.

    Args:
        light: (h, w) float32 from 0 to 1.
    """
    film = [slice(0, size) for size in light.shape]
    for _ in range(3):  # a white strip may lie inside a black frame, and the other way round
        before = list(film)
        for axis in (1, 0):
            lines = np.moveaxis(light[tuple(film)], axis, 0)
            most = len(lines) // 3  # at least a third of the lines stays
            first, last = (min(_uniform_lines(part), most) for part in (lines, lines[::-1]))
            film[axis] = slice(film[axis].start + first, film[axis].stop - last)
        if film == before:
            break
    return film[0], film[1]


def _uniform_lines(lines: np.ndarray) -> int:
    """How many lines from the first on are frame or white edge."""
    white = (lines >= _WHITE).mean(axis=1) > 0.8
    lit = (lines > _BLACK).mean(axis=1)
    count = 0
    while count < len(lines) and (white[count] or lit[count] < _DARK):
        count += 1
    # A white edge ends in a step; a breast that is white at the chest wall gets darker slowly.
    if 0 < count < len(lines) - 2 and white[count - 1]:
        beyond = float(lines[count + 2].mean())
        count = count if beyond < _WHITE_STEP * float(lines[count - 1].mean()) else 0
    # The frame ends in a step; black air ends gradually, where the breast begins.
    around = lit[max(count - 1, 0) : count + 2]
    if around.size and not white[:count].any() and around[-1] - around[0] < _FRAME_STEP:
        count = 0
    filled = np.flatnonzero(lit > 0.6)
    # A breast that reaches beyond a step in the air is no frame.
    if filled.size and filled[0] > 3:
        outside = lit[: filled[0] - 2]
        if outside.max() < 0.3 and outside[-1] < _DARK:
            count = max(count, int(filled[0]))
    return count


def rows_of_tape(light: np.ndarray, core: np.ndarray) -> int:
    """How many rows at the top are covered by tape, whose edge is a straight step of any sign.

    Args:
        light: (h, w) float32 from 0 to 1, the chest wall on the left.
        core: (h, w) bool, surely breast.
    """
    reach = int(_TAPE_REACH * len(light))
    root = np.sqrt(ndimage.median_filter(light[: reach + 4], (1, 5)))
    last = 0
    for row in range(2, reach):
        cols = core[row + 3] & (root[max(row - 3, 0)] > _TAPE_LIGHT * root[row + 3])
        if cols.sum() < 0.15 * light.shape[1]:
            continue
        step = np.abs(root[row + 1] - root[row - 1])
        above = np.abs(root[row - 1] - root[max(row - 3, 0)])
        below = np.abs(root[row + 3] - root[row + 1])
        sharp = (step > _TAPE_STEP) & (step > 2 * np.maximum(above, below))
        if sharp[cols].mean() > _TAPE_SHARE:
            last = row + 2
    return last


def without_strips(mask: np.ndarray, *, spacing_mm: float) -> np.ndarray:
    """Cut narrow strips off both ends of the breast along the chest wall: glow of the film edge.

    The chest wall is on the left. A strip keeps its width, a breast that ends in a corner
    does not.
    """
    widths = mask.sum(axis=1) * spacing_mm
    rows = np.flatnonzero(widths)
    if rows.size == 0:
        return mask
    kept = np.ones(len(mask), bool)
    for ordered in (rows, rows[::-1]):
        along = widths[ordered]
        typical = np.median(along[: max(int(_STRIP_MM / spacing_mm), 1)])
        length = int(np.argmax(along > 1.3 * typical + spacing_mm))
        first = np.median(along[: max(length // 3, 1)])
        long = length * spacing_mm > _STRIP_MM / 2
        if long and typical < _WIDEST_STRIP_MM and first > 0.7 * typical:
            kept[ordered[:length]] = False
    return main_part(mask & kept[:, None])


def film_edges(
    pixels: np.ndarray, breast: np.ndarray, film: tuple[slice, slice]
) -> tuple[slice, slice]:
    """Rows and columns of the film, to the pixel where the breast reaches its edge.

    Args:
        pixels: (H, W) float32 from 0 to 1.
        breast: (h, w) bool, the breast on the same image reduced in size.
        film: rows and columns of the film on the reduced image.
    """
    spans = []
    for axis, span in enumerate(film):
        lines, touching = (np.moveaxis(part, axis, 0) for part in (pixels, breast))
        step = len(lines) / len(touching)
        first = _first_line(lines, touching[span.start], span.start * step, step)
        beyond = (len(touching) - span.stop) * step
        last = _first_line(lines[::-1], touching[span.stop - 1], beyond, step)
        spans.append(slice(first, len(lines) - last))
    return spans[0], spans[1]


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
