"""What the header says about a mammogram: whether it is one, its spacing, its scanner."""

from pydicom.dataset import Dataset

from pipeline.config import DicomSettings
from pipeline.ingest.dicom_values import number, numbers, word, words
from pipeline.ingest.mammogram_tags import SCREENING_MODIFIERS, View
from pipeline.preprocess.dicom.unusable import Unusable

DICOMDIR = "1.2.840.10008.1.3.10"
FOR_PROCESSING = (
    "1.2.840.10008.5.1.4.1.1.1.2.1",  # Digital Mammography X-Ray Image Storage - For Processing
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # Digital X-Ray Image Storage - For Processing
)
MAMMOGRAPHY = ("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.1.2.1")
SPACING_LIMITS_MM = (0.01, 1.0)
MAGNIFICATION_LIMITS = (1.0, 3.0)


def check_kind(dataset: Dataset, settings: DicomSettings) -> None:
    """Let pass what is a single grey-scale projection image of the right modality.

    Raises:
        Unusable: skipped, and why.
    """
    sop_class = str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID"))
    if sop_class == DICOMDIR or "DirectoryRecordSequence" in dataset:
        raise Unusable("skipped", "DICOMDIR, a list of other files")
    modality = word(dataset, "Modality") or ("MG" if sop_class in MAMMOGRAPHY else "")
    if settings.modalities != "any" and modality not in settings.modalities:
        wanted = ", ".join(settings.modalities)
        raise Unusable("skipped", f"Modality is {modality or 'missing'}, not {wanted}")
    if number(dataset, "Rows") is None and number(dataset, "Columns") is None:
        raise Unusable("skipped", "no image in it")
    frames = number(dataset, "NumberOfFrames")
    if frames is not None and frames > 1:
        raise Unusable("skipped", f"{frames:.0f} frames")
    samples = number(dataset, "SamplesPerPixel") or 1
    polarity = word(dataset, "PhotometricInterpretation")
    if samples != 1 or polarity not in ("MONOCHROME1", "MONOCHROME2"):
        raise Unusable(
            "skipped", f"Photometric Interpretation is {polarity or 'missing'}, not grey"
        )
    if number(dataset, "BitsAllocated") == 1:
        raise Unusable("skipped", "1 bit per pixel, a mask")
    if not settings.for_processing and (
        word(dataset, "PresentationIntentType") == "FOR PROCESSING" or sop_class in FOR_PROCESSING
    ):
        raise Unusable("skipped", "FOR PROCESSING (dicom.for_processing)")


def check_view(dataset: Dataset, view: View, settings: DicomSettings) -> None:
    """Let pass the views of `dicom.views`, and an unknown one.

    Raises:
        Unusable: skipped, and why.
    """
    if settings.views == "any":
        return
    for name in view.names:
        if name not in settings.views:
            raise Unusable("skipped", f"view {name} (dicom.views)")
    for modifier in view.modifiers:
        if modifier not in SCREENING_MODIFIERS:
            raise Unusable("skipped", f"view modifier {modifier} (dicom.views)")
    for kind in words(dataset, "ImageType"):
        if any(part in kind for part in ("SPECIMEN", "STEREO", "SCOUT")):
            raise Unusable("skipped", f"Image Type {kind} (dicom.views)")


def check_size(rows: int, columns: int, settings: DicomSettings) -> None:
    """Refuse before decoding what would not fit into memory."""
    megapixels = rows * columns / 1e6
    if megapixels > settings.max_megapixels:
        raise Unusable("failed", f"{megapixels:.0f} megapixels, the limit is dicom.max_megapixels")


def pixel_spacing(dataset: Dataset, known_mm: float | None) -> tuple[float, str, list[str]]:
    """Spacing in the plane of the breast, in mm, where it comes from, and notes.

    A calibrated Pixel Spacing holds as it is. Imager Pixel Spacing is measured at the detector,
    so it is divided by the magnification. PS3.3 10.7.1 and C.8.11.

    Args:
        known_mm: what the data set's importer or the settings say, for files that carry none.

    Raises:
        Unusable: skipped because there is none; failed because the pixels are not square.
    """
    notes: list[str] = []
    imager = _pair(dataset, "ImagerPixelSpacing", notes)
    plain = _pair(dataset, "PixelSpacing", notes)
    film = _pair(dataset, "NominalScannedPixelSpacing", notes)
    calibration = word(dataset, "PixelSpacingCalibrationType")
    magnification = number(dataset, "EstimatedRadiographicMagnificationFactor")
    if plain and calibration in ("GEOMETRY", "FIDUCIAL"):
        return _square(plain), f"Pixel Spacing ({calibration})", notes
    if imager:
        source = "Imager Pixel Spacing"
        if magnification is None or magnification == 1:
            return _square(imager), source, notes
        low, high = MAGNIFICATION_LIMITS
        if not low <= magnification <= high:
            notes.append(f"magnification {magnification:g} is not plausible: left out")
            return _square(imager), source, notes
        return _square(imager) / magnification, f"{source} / {magnification:g}", notes
    if plain:
        return _square(plain), "Pixel Spacing", notes
    if film:
        return _square(film), "Nominal Scanned Pixel Spacing", notes
    if known_mm is not None:
        return known_mm, "data set or data.spacing_mm", notes
    raise Unusable(
        "skipped", 'no pixel spacing in the file; give it in mm, SET="data.spacing_mm=0.05"'
    )


def scanner(dataset: Dataset) -> str:
    """Manufacturer and model, for tables by scanner."""
    keywords = ("Manufacturer", "ManufacturerModelName")
    return " ".join(w for w in (str(dataset.get(k) or "").strip() for k in keywords) if w)


def _pair(dataset: Dataset, keyword: str, notes: list[str]) -> tuple[float, float] | None:
    values = numbers(dataset, keyword)
    if not values:
        return None
    low, high = SPACING_LIMITS_MM
    if len(values) != 2 or not all(low <= value <= high for value in values):
        notes.append(f"{keyword} {values} is not plausible: left out")
        return None
    return values[0], values[1]


def _square(pair: tuple[float, float]) -> float:
    if abs(pair[0] / pair[1] - 1) > 0.01:
        raise Unusable("failed", f"the pixels are not square: {pair[0]:g} x {pair[1]:g} mm")
    return (pair[0] + pair[1]) / 2
