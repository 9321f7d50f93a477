"""What the header says about a mammogram: whether it is one, its intent, implant, scanner."""

from pydicom.dataset import Dataset
from pydicom.uid import UID

from pipeline.config import DicomSettings
from pipeline.dicom.side_and_view import IMPLANT_DISPLACED, SCREENING_MODIFIERS, View
from pipeline.dicom.unusable import Unusable
from pipeline.dicom.values import number, word, words

DICOMDIR = "1.2.840.10008.1.3.10"
# Digital Mammography and Digital X-Ray Image Storage.
_INTENTS = {
    "1.2.840.10008.5.1.4.1.1.1.2": "FOR PRESENTATION",
    "1.2.840.10008.5.1.4.1.1.1.2.1": "FOR PROCESSING",
    "1.2.840.10008.5.1.4.1.1.1.1": "FOR PRESENTATION",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "FOR PROCESSING",
}
_MAMMOGRAPHY = ("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.1.2.1")
_OTHER_IMAGES = ("SPECIMEN", "STEREO", "SCOUT")


def check_kind(header: Dataset, settings: DicomSettings) -> None:
    """Let pass what is a grey-scale projection image of the right modality.

    Raises:
        Unusable: skipped, and why.
    """
    sop_class = _sop_class(header)
    if sop_class == DICOMDIR or "DirectoryRecordSequence" in header:
        raise Unusable("skipped", "DICOMDIR, a list of other files")
    modality = word(header, "Modality") or ("MG" if sop_class in _MAMMOGRAPHY else "")
    if settings.modalities != "any" and modality not in settings.modalities:
        wanted = ", ".join(settings.modalities)
        raise Unusable("skipped", f"Modality is {modality or 'missing'}, not {wanted}")
    if number(header, "Rows") is None and number(header, "Columns") is None:
        name = UID(sop_class).name
        kind = "" if name == sop_class else f": {name}"
        raise Unusable("skipped", f"no image in it{kind}")
    polarity = word(header, "PhotometricInterpretation")
    if polarity not in ("MONOCHROME1", "MONOCHROME2"):
        raise Unusable(
            "skipped", f"Photometric Interpretation is {polarity or 'missing'}, not grey"
        )
    samples = number(header, "SamplesPerPixel") or 1
    if samples != 1:
        raise Unusable("skipped", f"{samples:.0f} samples per pixel, not grey")
    bits = number(header, "BitsAllocated")
    if bits == 1:
        raise Unusable("skipped", "1 bit per pixel, a mask")
    if bits in (32, 64):
        raise Unusable("skipped", f"{bits:.0f} bits per pixel, a mammogram has 8 or 16")
    if not settings.for_processing and intent(header) == "FOR PROCESSING":
        raise Unusable("skipped", "FOR PROCESSING (dicom.for_processing)")


def check_view(header: Dataset, view: View, settings: DicomSettings) -> None:
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
    for kind in words(header, "ImageType"):
        if any(part in kind for part in _OTHER_IMAGES):
            raise Unusable("skipped", f"Image Type {kind} (dicom.views)")


def check_size(rows: int, columns: int, settings: DicomSettings) -> None:
    """Refuse before decoding what would not fit into memory."""
    megapixels = rows * columns / 1e6
    if megapixels > settings.max_megapixels:
        raise Unusable("failed", f"{megapixels:.0f} megapixels, the limit is dicom.max_megapixels")


def intent(header: Dataset) -> str:
    """(0008,0068) Presentation Intent Type, else what the kind of image implies, else ""."""
    return word(header, "PresentationIntentType") or _INTENTS.get(_sop_class(header), "")


def implant(header: Dataset, view: View) -> str:
    """yes, no or "": (0028,1300) Breast Implant Present, or a view that displaces one."""
    if IMPLANT_DISPLACED in view.modifiers:
        return "yes"
    said = word(header, "BreastImplantPresent")
    return {"YES": "yes", "NO": "no"}.get(said, "")


def scanner(header: Dataset) -> str:
    """Manufacturer and model, for tables by scanner."""
    keywords = ("Manufacturer", "ManufacturerModelName")
    return " ".join(w for w in (str(header.get(k) or "").strip() for k in keywords) if w)


def transfer_syntax(header: Dataset) -> str:
    """The name of the transfer syntax that the file claims, "" where it claims none."""
    return UID(str(header.file_meta.get("TransferSyntaxUID", ""))).name


def _sop_class(header: Dataset) -> str:
    meta = header.file_meta.get("MediaStorageSOPClassUID")
    return str(header.get("SOPClassUID") or meta or "")
