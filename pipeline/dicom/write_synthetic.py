"""Pictures of nobody as digital mammograms, with every attribute that a real one has."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydicom import uid

from pipeline.dicom.write import (
    ENCODINGS,
    MAMMOGRAM,
    SYNTHETIC_BITS,
    code_of_view,
    derived_uid,
    snomed_code,
    write_picture,
)

_DATE, _TIME = "20200101", "120000"
# Instance Number, and (0020,0020) Patient Orientation: direction of the rows, then of the columns
# (PS3.3 C.7.6.1.1.1), with the chest wall of left breasts at the left edge.
_PLACES = {
    ("R", "CC"): (1, ["P", "L"]),
    ("L", "CC"): (2, ["A", "R"]),
    ("R", "MLO"): (3, ["P", "FL"]),
    ("L", "MLO"): (4, ["A", "FR"]),
}


def write_synthetic(
    path: Path,
    pixels: np.ndarray,
    *,
    patient_id: str,
    laterality: str,
    view: str,
    spacing_mm: float,
    inverted: bool = False,
    encoding: str = "explicit",
    changes: Mapping[str, object] | None = None,
) -> None:
    """Write a picture of nobody as Digital Mammography X-Ray Image Storage - For Presentation.

    Attributes follow PS3.3 A.27 and its modules; `dciodvfy` finds no error in the files.

    Args:
        pixels: (rows, columns) uint16 below 4096, dense tissue bright.
        patient_id: ends with a hyphen and the number of the patient.
        laterality, view: L or R; CC or MLO.
        spacing_mm: Imager Pixel Spacing (0018,1164).
        inverted: MONOCHROME1 instead of MONOCHROME2.
        encoding: a key of ENCODINGS.
        changes: values by keyword in place of the usual ones; None leaves an element out.
    """
    image_id = f"{patient_id}-{laterality}-{view}"
    largest = 2**SYNTHETIC_BITS - 1
    view_code = code_of_view(view)
    view_code.ViewModifierCodeSequence = []
    number, orientation = _PLACES[laterality, view]
    synthetic = ("Manufacturer", "InstitutionName", "DetectorID")
    header = {
        **MAMMOGRAM,
        # Patient, study, series, equipment and SOP common modules.
        "SpecificCharacterSet": "ISO_IR 100",
        "SOPInstanceUID": derived_uid("synthetic mammogram", "instance", image_id),
        "PatientName": f"SYNTHETIC^PHANTOM {int(patient_id.rpartition('-')[2])}",
        "PatientID": patient_id,
        "PatientSex": "F",
        "PatientComments": "SYNTHETIC: no person was imaged",
        "StudyInstanceUID": derived_uid("synthetic mammogram", "study", patient_id),
        "StudyID": "1",
        **{f"{of}Date": _DATE for of in ("Study", "Series", "Acquisition", "Content")},
        **{f"{of}Time": _TIME for of in ("Study", "Series", "Acquisition", "Content")},
        "SeriesInstanceUID": derived_uid("synthetic mammogram", "series", patient_id),
        **{f"{of}Description": "SYNTHETIC mammograms" for of in ("Study", "Series")},
        "PresentationIntentType": "FOR PRESENTATION",
        "ManufacturerModelName": "phantom",
        **dict.fromkeys(synthetic, "SYNTHETIC"),
        "DeviceSerialNumber": "0",
        "SoftwareVersions": "1",
        "InstanceNumber": number,
        "ImageComments": "SYNTHETIC mammogram, not for diagnosis",
        # DX anatomy, detector and mammography image modules.
        "ImageLaterality": laterality,
        "PatientOrientation": orientation,
        "AnatomicRegionSequence": [snomed_code("76752008", "Breast")],
        "ViewPosition": view,
        "ViewCodeSequence": [view_code],
        "ImagerPixelSpacing": [spacing_mm, spacing_mm],
        "DetectorType": "DIRECT",
        "FieldOfViewShape": "RECTANGLE",
        "PositionerType": "MAMMOGRAPHIC",
        "OrganExposed": "BREAST",
        "BreastImplantPresent": "NO",
        "PartialView": "NO",
        "AcquisitionContextSequence": [],
        # Image pixel, DX image and VOI LUT modules: one window over the whole range.
        "PhotometricInterpretation": "MONOCHROME1" if inverted else "MONOCHROME2",
        # Dense tissue lets less through: with MONOCHROME2 higher values mean lower intensity.
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": 1 if inverted else -1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "RescaleType": "US",
        "PresentationLUTShape": "INVERSE" if inverted else "IDENTITY",
        "LossyImageCompression": "00",
        "BurnedInAnnotation": "NO",  # the text identifies nobody
        "WindowCenter": (largest + 1) // 2,
        "WindowWidth": largest + 1,
        "VOILUTFunction": "LINEAR",
        **(changes or {}),
    }
    write_picture(
        path,
        (largest - pixels).astype(np.uint16) if inverted else pixels,
        header,
        sop_class=uid.DigitalMammographyXRayImageStorageForPresentation,
        encoding=ENCODINGS[encoding],
        bits=SYNTHETIC_BITS,
    )
