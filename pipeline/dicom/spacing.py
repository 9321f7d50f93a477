"""Millimetres: the spacing in the plane of the breast, from the attributes that may have it."""

from collections.abc import Sequence

from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset

from pipeline.dicom.elements import as_written, notes_on_numbers, number, numbers, word
from pipeline.dicom.unusable import Unusable

SPACING_LIMITS_MM = (0.01, 1.0)
MAGNIFICATION_LIMITS = (1.0, 3.0)
# Contact mammograms are magnified by up to 1.1 on their way to the detector, spot views by 1.5.
_MAGNIFIED = 1.3
_FACTOR = "EstimatedRadiographicMagnificationFactor"
_SPACINGS = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing")
_SQUARE, _ALIKE = 0.01, 0.02  # relative differences that are none


def pixel_spacing(
    header: Dataset, known_mm: float | None, *, needed: bool = True
) -> tuple[float, str, list[str]]:
    """Spacing in the plane of the breast, in mm, where it comes from, and notes.

    A calibrated Pixel Spacing holds as it is. Imager Pixel Spacing is measured at the detector,
    so it is divided by the magnification. A scanned film has the spacing of its scan; a Pixel
    Spacing that says nothing of its calibration comes last. PS3.3 10.7.1, C.8.6.2 and C.8.11.

    Args:
        known_mm: what the data set's importer or the settings say, for files that carry none.
        needed: it is a mammogram, which is lost without; other images are skipped.

    Raises:
        Unusable: there is none, or none that a mammogram may have, or none that can be read; or
            the pixels are not square.
    """
    notes = notes_on_numbers(header, _written(header, _SPACINGS), single=False)
    notes += notes_on_numbers(header, _written(header, (_FACTOR,)))
    imager = _pair(header, "ImagerPixelSpacing", notes)
    plain = _pair(header, "PixelSpacing", notes)
    film = _pair(header, "NominalScannedPixelSpacing", notes)
    calibration = word(header, "PixelSpacingCalibrationType")
    if plain and calibration in ("GEOMETRY", "FIDUCIAL"):
        return _square(plain), f"Pixel Spacing ({calibration})", notes
    if imager:
        mm, source = _square(imager), "Imager Pixel Spacing"
        factor = magnification(header)
        if factor is not None and factor != 1:
            mm, source = mm / factor, f"{source} / {factor:g}"
        elif factor is None and number(header, _FACTOR):
            notes.append("the magnification is not plausible: left out")
    elif film:
        mm, source = _square(film), "Nominal Scanned Pixel Spacing"
    elif plain:
        mm, source = _square(plain), "Pixel Spacing"
    elif known_mm is not None:
        # (0028,0034) Pixel Aspect Ratio, all that a file without spacing says of its pixels.
        ratio = numbers(header, "PixelAspectRatio")
        if len(ratio) == 2 and all(ratio) and not _alike(ratio[0], ratio[1], _SQUARE):
            raise Unusable("failed", f"the pixels are not square: {ratio[0]:g} : {ratio[1]:g}")
        mm, source = known_mm, "data set or data.spacing_mm"
    else:
        raise _without_spacing(header, needed)
    if (magnification(header) or 1) >= _MAGNIFIED:
        notes.append("magnified as in a magnification view, which it is not said to be")
    if plain and not any(_alike(plain[0], other, _ALIKE) for other in (mm, *(imager or ()))):
        notes.append(f"Pixel Spacing {plain[0]:g} mm differs from {source}, {mm:g} mm")
    return mm, source, notes


def magnification(header: Dataset) -> float | None:
    """(0018,1114) Estimated Radiographic Magnification Factor, where it is plausible."""
    factor = number(header, _FACTOR)
    low, high = MAGNIFICATION_LIMITS
    return factor if factor is not None and low <= factor <= high else None


def _pair(header: Dataset, keyword: str, notes: list[str]) -> tuple[float, float] | None:
    values = numbers(header, keyword)
    if not values:
        return None
    low, high = SPACING_LIMITS_MM
    if len(values) != 2 or not all(low <= value <= high for value in values):
        name, text = dictionary_description(keyword), as_written(header, keyword)
        why = "must have 2 values" if len(values) != 2 else "is not plausible in mm"
        notes.append(f"{name} '{text}' {why}: left out")
        return None
    return values[0], values[1]


def _without_spacing(header: Dataset, needed: bool) -> Unusable:
    written = _written(header, _SPACINGS)
    can_be_read = all(len(numbers(header, keyword)) == 2 for keyword in written)
    names = ", ".join(map(dictionary_description, written))
    texts = ", ".join(as_written(header, name) for name in written)
    why = f"no pixel spacing that can be used: {names} '{texts}'"
    return Unusable(
        "skipped" if can_be_read and not needed else "failed",
        f"{why if written else 'no pixel spacing in the file'}; "
        "give it in mm, SET=data.spacing_mm=0.05",
    )


def _written(header: Dataset, keywords: Sequence[str]) -> list[str]:
    """Those that say something."""
    return [keyword for keyword in keywords if as_written(header, keyword)]


def _square(pair: tuple[float, float]) -> float:
    if not _alike(*pair, _SQUARE):
        raise Unusable("failed", f"the pixels are not square: {pair[0]:g} x {pair[1]:g} mm")
    return (pair[0] + pair[1]) / 2


def _alike(one: float, other: float, difference: float) -> bool:
    return abs(one / other - 1) <= difference
