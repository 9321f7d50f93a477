"""Pixels of another format as a DICOM file, so that one reader serves all data sets."""

import hashlib
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.errors import InvalidDicomError
from pydicom.uid import JPEGLSLossless, SecondaryCaptureImageStorage

from pipeline.run.atomic import write_atomic

# SNOMED CT codes of the views, PS3.16 CID 4014.
VIEW_CODES = {
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
}


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

    The same arguments give the same bytes. A file that holds this image already is left alone,
    so that its time of change says when it was made.

    Args:
        pixels: (H, W) uint8 or uint16, dense tissue bright.
        path: file to write; its folder is made.
        laterality: L, R or "".
        view: CC, MLO or "".
        spacing_mm: pixel spacing of the film, both ways, in mm.

    Raises:
        ValueError: pixels have another shape or type.
    """
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"pixels must be (H, W) uint8 or uint16, not {pixels.shape} {pixels.dtype}"
        )
    names = (image_id, patient_id, laterality, view, spacing_mm, pixels.shape, pixels.dtype)
    content = hashlib.sha256(repr(names).encode() + np.ascontiguousarray(pixels).tobytes())
    instance = _uid(content.hexdigest())
    if _instance_in(path) == instance:
        return
    dataset = _header(image_id, patient_id, laterality, view)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = instance
    if spacing_mm is not None:
        dataset.NominalScannedPixelSpacing = [spacing_mm, spacing_mm]
    _add_pixels(dataset, pixels)
    write_atomic(path, lambda temporary: dataset.save_as(temporary, enforce_file_format=True))


def _header(image_id: str, patient_id: str, laterality: str, view: str) -> Dataset:
    """Everything but the pixels: PS3.3 A.8.1, Secondary Capture Image IOD."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.PatientID = patient_id
    dataset.PatientName = f"{patient_id}^"
    dataset.StudyInstanceUID = _uid(f"study {patient_id}")
    dataset.SeriesInstanceUID = _uid(f"series {patient_id} {image_id}")
    dataset.StudyID = patient_id[:16]
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.ImageComments = image_id
    dataset.Modality = "MG"
    dataset.ConversionType = "DF"  # digitised film
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.BodyPartExamined = "BREAST"
    for blank in (
        "PatientBirthDate",
        "PatientSex",
        "StudyDate",
        "StudyTime",
        "AccessionNumber",
        "ReferringPhysicianName",
        "PatientOrientation",
    ):
        setattr(dataset, blank, "")
    if laterality:
        dataset.ImageLaterality = laterality
    if view:
        dataset.ViewPosition = view
    if view in VIEW_CODES:
        code = Dataset()
        code.CodeValue, code.CodeMeaning = VIEW_CODES[view]
        code.CodingSchemeDesignator = "SCT"
        dataset.ViewCodeSequence = [code]
    return dataset


def _add_pixels(dataset: Dataset, pixels: np.ndarray) -> None:
    bits = pixels.dtype.itemsize * 8
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    dataset.BurnedInAnnotation = "YES"  # films carry labels
    # Noise grows when it is compressed: room for twice its size.
    stream = imagecodecs.jpegls_encode(np.ascontiguousarray(pixels), out=2 * pixels.nbytes + 4096)
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"


def _instance_in(path: Path) -> str:
    """SOP Instance UID of a file; "" if there is none that can be read."""
    try:
        return dcmread(path, specific_tags=["SOPInstanceUID"]).get("SOPInstanceUID", "")
    except (FileNotFoundError, InvalidDicomError):
        return ""


def _uid(text: str) -> str:
    """A UID derived from a text: PS3.5 B.2, the root 2.25 and a 128 bit number."""
    return f"2.25.{int(hashlib.sha256(text.encode()).hexdigest()[:32], 16)}"
