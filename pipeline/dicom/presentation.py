"""Grey values as far as they can be right: the breast tells where window and polarity are not."""

from dataclasses import replace
from functools import partial

import numpy as np
from pydicom.dataset import Dataset

from pipeline.config import DicomSettings
from pipeline.dicom.elements import word
from pipeline.dicom.grey_scale import Grey, apply_table, grey_tables
from pipeline.dicom.plausible_grey import SMALLEST_BREAST, at_end, clipped_share, look_at, reduced
from pipeline.dicom.stored_pixels import Stored

# Share of the breast that a window may hide before it is noted, and before it is left out.
_CLIPPED_NOTED, _CLIPPED_MOST = 0.1, 0.5
# Share of the image below which the breast is not looked for.
_LEAST_CLIPPED = _CLIPPED_NOTED * SMALLEST_BREAST
_LOOKS_RAW = (
    "the breast is far from the air and has hardly a contrast: the pixels may be raw, which only "
    "FOR PROCESSING images should be (dicom.polarity)"
)


def presentation(
    header: Dataset, stored: Stored, settings: DicomSettings
) -> tuple[np.ndarray, np.ndarray | None, Grey]:
    """Presentation values that can be right, as far as the breast tells.

    A window that leaves nothing of the image or little of the breast is left out, and a negative
    is turned round, each with a note.

    Returns:
        (H, W) float32 in 0..1, dense tissue bright; (H, W) bool, False where the scanner padded,
        None where it nowhere did; how they came about.

    Raises:
        Unusable: the rescaling is not defined.
    """
    tables = partial(grey_tables, header, bits=stored.bits, signed=stored.signed)
    grey = tables(prefer_lut=settings.prefer_lut, use_window=settings.window != "never")
    small = reduced(stored.pixels)
    shown = None if small is None else _shown(small, grey)
    if grey.window != "none" and _shows_nothing(stored, shown, grey):
        hidden = f"the window {grey.window} shows nothing of the image: left out"
        grey = tables(use_window=False)
        grey.notes.append(hidden)
    elif (
        (grey.window != "none" and settings.window == "auto")
        and (small is not None and shown is not None)
        and at_end(shown).mean() >= _LEAST_CLIPPED
    ):
        grey = _without_clipping(small, shown, grey, tables(use_window=False))
    labelled_raw = word(header, "PresentationIntentType") == "FOR PROCESSING"
    grey = _turned(small, grey, settings, labelled_raw=labelled_raw)
    valid = None
    if grey.padding is not None:
        padding = np.flatnonzero(grey.padding)
        if len(padding) == 1:  # three times as fast
            valid = stored.pixels != int(padding[0])
        else:
            valid = apply_table(stored.pixels, ~grey.padding)
        valid = None if valid.all() else valid
    return apply_table(stored.pixels, grey.values), valid, grey


def _without_clipping(small: np.ndarray, shown: np.ndarray, grey: Grey, plain: Grey) -> Grey:
    """The tables without the window where that hides most of the breast; a note from a part on."""
    before = _shown(small, plain)
    if clipped_share(shown, before, np.ones(small.shape, bool)) < _LEAST_CLIPPED:
        return grey
    look = look_at(before)
    share = clipped_share(shown, before, look.breast) if look else 0.0
    if share < _CLIPPED_NOTED:
        return grey
    hidden = f"the window {grey.window} makes {share:.0%} of the breast black or white"
    if share > _CLIPPED_MOST:
        return replace(plain, notes=[*plain.notes, f"{hidden}: left out (dicom.window)"])
    return replace(grey, notes=[*grey.notes, f"{hidden} (dicom.window)"])


def _turned(
    small: np.ndarray | None, grey: Grey, settings: DicomSettings, *, labelled_raw: bool
) -> Grey:
    """The tables of a positive, by `dicom.polarity`; a note where the pixels look raw."""
    is_reversed: bool | None = settings.polarity == "reversed"
    note = f"turned round against {grey.polarity}"
    if settings.polarity == "auto" and small is not None:
        valid = None if grey.padding is None else apply_table(small, ~grey.padding)
        look = look_at(_shown(small, grey), valid)
        is_reversed = look.reversed if look else False
        if look and look.raw and not labelled_raw:
            grey = replace(grey, notes=[*grey.notes, _LOOKS_RAW])
        note = f"the breast is a negative, {note}"
        if is_reversed is None:
            doubt = "bright air: the breast may be a negative"
            return replace(grey, notes=[*grey.notes, f"{doubt} (dicom.polarity)"])
    if not is_reversed:
        return grey
    return replace(grey, values=1 - grey.values, notes=[*grey.notes, f"{note} (dicom.polarity)"])


def _shown(small: np.ndarray, grey: Grey) -> np.ndarray:
    """Reduced presentation values, padding as dark as the darkest: (h, w) float32."""
    shown = apply_table(small, grey.values)
    if grey.padding is None:
        return shown
    valid = apply_table(small, ~grey.padding)
    return np.where(valid, shown, shown[valid].min()) if valid.any() else shown


def _shows_nothing(stored: Stored, shown: np.ndarray | None, grey: Grey) -> bool:
    """Whether the smallest and the largest value, which differ, are shown alike.

    Args:
        shown: what every so many of the values are shown as. Where a table that only rises or
            only falls shows two differently, so it does the ends, which need not be looked for.
    """
    flip = 1 << (stored.bits - 1) if stored.signed else 0
    if shown is not None and shown.min() < shown.max():
        steps = np.diff(np.roll(grey.values, flip))
        if (steps >= 0).all() or (steps <= 0).all():
            return False
    order = stored.pixels ^ stored.pixels.dtype.type(flip) if flip else stored.pixels
    low, high = int(order.min()) ^ flip, int(order.max()) ^ flip
    return low != high and bool(grey.values[low] == grey.values[high])
