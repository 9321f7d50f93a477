"""A picture as Digital Mammography X-Ray Image Storage - For Presentation.

Attributes follow PS3.3 A.27 and its modules; `dciodvfy` finds no error in the files. Dates
and times are fixed and UIDs derived from the ids, so the same picture gives the same bytes.
"""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, generate_uid

from pipeline.dicom.encode import BITS, put_pixels
from pipeline.ingest.phantom.plan import Patient

DATE, TIME = "20200101", "120000"
# CID 4014 View for Mammography.
VIEW_CODES = {
    "CC": ("399162004", "cranio-caudal"),
    "MLO": ("399368009", "medio-lateral oblique"),
}
# (0020,0020) Patient Orientation: direction of the rows, then of the columns (PS3.3 C.7.6.1.1.1),
# with the chest wall of left breasts at the left edge.
ORIENTATION = {
    ("L", "CC"): ["A", "R"],
    ("R", "CC"): ["P", "L"],
    ("L", "MLO"): ["A", "FR"],
    ("R", "MLO"): ["P", "FL"],
}
NUMBER = {("R", "CC"): 1, ("L", "CC"): 2, ("R", "MLO"): 3, ("L", "MLO"): 4}


def write_dicom(
    path: Path, pixels: np.ndarray, patient: Patient, side: str, view: str, *, spacing_mm: float
) -> None:
    """Write one picture.

    Args:
        path: the file; it is replaced.
        pixels: (rows, columns) uint16 below 4096, dense tissue bright.
        patient: decides polarity and transfer syntax.
        side: L or R.
        view: CC or MLO.
        spacing_mm: Imager Pixel Spacing (0018,1164).
    """
    dataset = _identity(patient, side, view)
    _add_acquisition(dataset, side, view, spacing_mm)
    _add_grey_scale(dataset, pixels.shape, inverted=patient.inverted)
    stored = (2**BITS - 1 - pixels).astype(np.uint16) if patient.inverted else pixels
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = put_pixels(dataset, stored, patient.syntax)
    file = FileDataset(None, dataset, preamble=b"\0" * 128, file_meta=meta)
    file.save_as(path, enforce_file_format=True)


def _identity(patient: Patient, side: str, view: str) -> Dataset:
    """Patient, study, series, equipment and SOP common modules."""
    patient_id, image_id = patient.patient_id, patient.image_id(side, view)
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.SOPInstanceUID = _uid("instance", image_id)
    dataset.PatientName = f"SYNTHETIC^PHANTOM {patient.index + 1}"
    dataset.PatientID = patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "F"
    dataset.PatientComments = "SYNTHETIC: no person was imaged"
    dataset.StudyInstanceUID = _uid("study", patient_id)
    dataset.StudyID = "1"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = DATE
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = TIME
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "SYNTHETIC mammograms"
    dataset.Modality = "MG"
    dataset.SeriesInstanceUID = _uid("series", patient_id)
    dataset.SeriesNumber = 1
    dataset.SeriesDescription = "SYNTHETIC mammograms"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.Manufacturer = "SYNTHETIC"
    dataset.ManufacturerModelName = "phantom"
    dataset.InstitutionName = "SYNTHETIC"
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = "1"
    dataset.InstanceNumber = NUMBER[side, view]
    dataset.ImageComments = "SYNTHETIC mammogram, not for diagnosis"
    return dataset


def _add_acquisition(dataset: Dataset, side: str, view: str, spacing_mm: float) -> None:
    """DX anatomy, detector and mammography image modules."""
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.ImageLaterality = side
    dataset.PatientOrientation = ORIENTATION[side, view]
    dataset.BodyPartExamined = "BREAST"
    dataset.AnatomicRegionSequence = [_code("76752008", "SCT", "Breast")]
    dataset.ViewPosition = view
    dataset.ViewCodeSequence = [_code(VIEW_CODES[view][0], "SCT", VIEW_CODES[view][1])]
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = []
    dataset.ImagerPixelSpacing = [spacing_mm, spacing_mm]
    dataset.DetectorType = "DIRECT"
    dataset.DetectorID = "SYNTHETIC"
    dataset.FieldOfViewShape = "RECTANGLE"
    dataset.PositionerType = "MAMMOGRAPHIC"
    dataset.OrganExposed = "BREAST"
    dataset.BreastImplantPresent = "NO"
    dataset.PartialView = "NO"
    dataset.AcquisitionContextSequence = []


def _add_grey_scale(dataset: Dataset, shape: tuple[int, int], *, inverted: bool) -> None:
    """Image pixel, DX image and VOI LUT modules: one window over the whole range."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    dataset.Rows, dataset.Columns = shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, BITS, BITS - 1
    dataset.PixelRepresentation = 0
    # Dense tissue lets less through: with MONOCHROME2 higher values mean lower intensity.
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1 if inverted else -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    dataset.LossyImageCompression = "00"
    dataset.BurnedInAnnotation = "NO"  # the text identifies nobody
    dataset.WindowCenter, dataset.WindowWidth = 2**BITS // 2, 2**BITS
    dataset.VOILUTFunction = "LINEAR"


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def _uid(*words: str) -> str:
    return generate_uid(entropy_srcs=["synthetic mammogram", *words])
