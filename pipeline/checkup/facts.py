"""What the header, the pixels and the breast of one file say, as names and words."""

from collections.abc import Mapping

from pydicom.dataset import Dataset
from pydicom.uid import UID

from pipeline.ingest.dicom_values import number, word, words
from pipeline.preprocess.reader import Mammogram
from pipeline.preprocess.standardise import Standard


def header_facts(header: Dataset) -> dict[str, str]:
    """What the header says before anything is decoded; "" where it says nothing."""
    syntax = UID(str(getattr(header, "file_meta", {}).get("TransferSyntaxUID", "")))
    kind = UID(str(header.get("SOPClassUID") or ""))
    signed = "signed" if number(header, "PixelRepresentation") == 1 else "unsigned"
    bits = [_count(header, name) for name in ("BitsStored", "BitsAllocated", "HighBit")]
    rows, columns = _count(header, "Rows"), _count(header, "Columns")
    return {
        "kind": kind.name,
        "modality": word(header, "Modality"),
        "transfer syntax": f"{syntax.name} ({syntax})" if syntax else "not named",
        "pixels": f"{rows} rows x {columns} columns" if rows and columns else "none",
        "frames": _count(header, "NumberOfFrames"),
        "bits": f"{bits[0]} of {bits[1]}, high bit {bits[2]}, {signed}" if bits[0] else "",
        "photometric": word(header, "PhotometricInterpretation"),
        "image type": ", ".join(words(header, "ImageType")),
        "intent": word(header, "PresentationIntentType"),
        "implant": word(header, "BreastImplantPresent"),
    }


def pixel_facts(mammogram: Mammogram) -> dict[str, str]:
    """What the reader made of the file."""
    read = vars(mammogram)
    return {
        "codec": mammogram.codec,
        "polarity": mammogram.polarity,
        "window": mammogram.window,
        "grey values": f"{mammogram.pixels.min():.4f} to {mammogram.pixels.max():.4f} "
        "(0 to 1 is the nominal range)",
        "spacing": f"{mammogram.spacing_mm:.4g} mm, from {mammogram.spacing_source}",
        "magnification": _text(read.get("magnification")),
        "side": _with_source(read, "laterality"),
        "view": _with_source(read, "view"),
        "modifiers": ", ".join(read.get("modifiers") or ()),
        "scanner": mammogram.scanner,
        "pixel checksum": mammogram.pixel_sha256,
    }


def breast_facts(standard: Standard) -> dict[str, str]:
    """What was found in the picture."""
    geometry = standard.geometry
    return {
        "breast": f"{standard.breast_mm2 / 100:.0f} cm2, chest wall on the "
        + ("right" if geometry.flipped else "left"),
        "standard image": f"{geometry.height} rows x {geometry.width} columns, "
        f"{geometry.spacing_mm:g} mm; black is {standard.low:.4f}, white {standard.high:.4f}",
    }


def _with_source(read: Mapping, name: str) -> str:
    value, source = read[name], read.get(f"{name}_source", "")
    return f"{value}, from {source}" if value and source else value or "unknown"


def _count(header: Dataset, keyword: str) -> str:
    value = number(header, keyword)
    return "" if value is None else f"{value:.0f}"


def _text(value: object) -> str:
    return "" if value is None else str(value)
