"""Pictures written as DICOM: under any header, and digitised films under one of their own.

A header is a table of values by keyword. The same arguments give the same bytes.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom import dcmread, uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.errors import InvalidDicomError
from pydicom.pixels import get_encoder
from pydicom.uid import UID, generate_uid

from pipeline.dicom.view_words import VIEWS
from pipeline.run.atomic import write_atomic

SYNTHETIC_BITS = 12
_MEANINGS = {"CC": "cranio-caudal", "MLO": "medio-lateral oblique"}
# What all mammograms say that are written here.
MAMMOGRAM = {
    "Modality": "MG",
    "ImageType": ["DERIVED", "PRIMARY"],
    "BodyPartExamined": "BREAST",
    "SeriesNumber": 1,
    **dict.fromkeys(("PatientBirthDate", "AccessionNumber", "ReferringPhysicianName"), ""),
}


@dataclass(frozen=True)
class Encoding:
    """A transfer syntax, and what makes its frame, or its Pixel Data, of (H, W) pixels."""

    syntax: UID
    encode: Callable[[np.ndarray], bytes | bytearray]


def _run_length(pixels: np.ndarray) -> bytes:
    rows, columns = pixels.shape
    bits = 8 * pixels.itemsize
    layout = {"rows": rows, "columns": columns, "bits_allocated": bits, "bits_stored": bits}
    layout |= {"number_of_frames": 1, "samples_per_pixel": 1, "pixel_representation": 0}
    return get_encoder(uid.RLELossless).encode(
        pixels, encoding_plugin="pydicom", photometric_interpretation="MONOCHROME2", **layout
    )


def _jpeg_ls(pixels: np.ndarray) -> bytes | bytearray:
    # Noise grows when it is compressed: room for twice its size.
    return imagecodecs.jpegls_encode(np.ascontiguousarray(pixels), out=2 * pixels.nbytes + 4096)


_jpeg_lossless = partial(imagecodecs.ljpeg_encode, bitspersample=SYNTHETIC_BITS)
_j2k = partial(imagecodecs.jpeg2k_encode, codecformat="j2k", bitspersample=SYNTHETIC_BITS)
# All lossless; those of JPEG and JPEG 2000 are for synthetic mammograms. JPEG Lossless without
# the "first order prediction" of ...4.70: the encoder predicts from two neighbours (selection
# value 6), which only ...4.57 allows (PS3.5 A.4.1).
ENCODINGS = {
    "explicit": Encoding(uid.ExplicitVRLittleEndian, np.ndarray.tobytes),
    "rle": Encoding(uid.RLELossless, _run_length),
    "jpeg2000": Encoding(uid.JPEG2000Lossless, partial(_j2k, level=0, reversible=True, mct=False)),
    "jpeg_lossless": Encoding(uid.JPEGLossless, _jpeg_lossless),
    "jpeg_ls": Encoding(uid.JPEGLSLossless, _jpeg_ls),
}


def write_picture(
    path: Path,
    pixels: np.ndarray,
    header: Mapping[str, object],
    *,
    sop_class: UID = uid.SecondaryCaptureImageStorage,
    encoding: Encoding = ENCODINGS["explicit"],
    bits: int | None = None,
) -> None:
    """Write a grey picture as a DICOM file; its folder must be there.

    Args:
        pixels: (rows, columns) uint8 or uint16, below 2^bits.
        header: values by keyword, with SOP Instance UID; those of the Image Pixel Module need
            not be given. None leaves an element out.
        sop_class: for group 0002, and for the header unless that says another.
        bits: Bits Stored; those of the type if absent.

    Raises:
        ValueError: pixels have another shape or type.
    """
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"pixels must be (H, W) uint8 or uint16, not {pixels.shape} {pixels.dtype}"
        )
    bits = bits or 8 * pixels.itemsize
    frame = bytes(encoding.encode(pixels))
    encapsulated = encoding.syntax.is_encapsulated
    values = {
        "SOPClassUID": sop_class,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": 8 * pixels.itemsize,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        "PixelData": encapsulate([frame]) if encapsulated else frame + b"\0" * (len(frame) % 2),
        **header,
    }
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = encoding.syntax
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OB" if encapsulated or pixels.itemsize == 1 else "OW"
    dataset.save_as(path, enforce_file_format=True)


def wrap_as_dicom(
    pixels: np.ndarray,
    path: Path,
    *,
    image_id: str,
    patient_id: str,
    laterality: str,
    view: str,
    spacing_mm: float | None,
) -> None:
    """Write a digitised film as Secondary Capture with Modality MG, JPEG-LS lossless.

    PS3.3 A.8.1. A file that holds this image already is left alone, so that its time of change
    says when it was made.

    Args:
        pixels: (H, W) uint8 or uint16, dense tissue bright.
        path: file to write; its folder is made.
        laterality: L, R or "".
        view: CC, MLO or "".
        spacing_mm: pixel spacing of the film, both ways, in mm.

    Raises:
        ValueError: pixels have another shape or type.
    """
    names = (image_id, patient_id, laterality, view, spacing_mm, pixels.shape, pixels.dtype)
    content = hashlib.sha256(repr(names).encode() + np.ascontiguousarray(pixels).tobytes())
    instance = _film_uid(content.hexdigest())
    if _instance_in(path) == instance:
        return
    header = {
        **MAMMOGRAM,
        "SOPInstanceUID": instance,
        "PatientID": patient_id,
        "PatientName": f"{patient_id}^",
        **dict.fromkeys(("PatientSex", "PatientOrientation", "StudyDate", "StudyTime"), ""),
        "StudyInstanceUID": _film_uid(f"study {patient_id}"),
        "StudyID": patient_id[:16],
        "SeriesInstanceUID": _film_uid(f"series {patient_id} {image_id}"),
        "InstanceNumber": 1,
        "ImageComments": image_id,
        "ConversionType": "DF",  # digitised film
        "BurnedInAnnotation": "YES",  # films carry labels
        "ImageLaterality": laterality or None,
        "ViewPosition": view or None,
        "ViewCodeSequence": [code_of_view(view)] if view in _MEANINGS else None,
        "NominalScannedPixelSpacing": None if spacing_mm is None else [spacing_mm, spacing_mm],
    }
    encoding = ENCODINGS["jpeg_ls"]
    write_atomic(path, lambda file: write_picture(file, pixels, header, encoding=encoding))


def snomed_code(value: str, meaning: str) -> Dataset:
    """An item of a code sequence, by SNOMED CT."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code


def code_of_view(view: str) -> Dataset:
    return snomed_code(next(code for code, name in VIEWS.items() if name == view), _MEANINGS[view])


def _instance_in(path: Path) -> str:
    """SOP Instance UID of a file; "" if there is none that can be read."""
    try:
        return dcmread(path, specific_tags=["SOPInstanceUID"]).get("SOPInstanceUID", "")
    except (FileNotFoundError, InvalidDicomError):
        return ""


def derived_uid(*words: str) -> str:
    """A UID that the same words give again."""
    return generate_uid(entropy_srcs=list(words))


def _film_uid(text: str) -> str:
    """The like for wrapped films: PS3.5 B.2, the root 2.25 and a 128 bit number."""
    return f"2.25.{int(hashlib.sha256(text.encode()).hexdigest()[:32], 16)}"
