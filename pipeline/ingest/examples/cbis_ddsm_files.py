"""The DICOM files of the example of CBIS-DDSM, as the real ones, in their folders."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from pipeline.ingest.cbis_ddsm.names import Name


@dataclass(frozen=True)
class Download:
    """Where and how files are written: classic, nbia (the newer downloader) or uids."""

    root: Path
    layout: str

    def write(self, name: Name, description: str, pictures: list[np.ndarray]) -> list[str]:
        """Write a series; return the paths of its files as the tables would have them."""
        study = generate_uid(entropy_srcs=[str(name), description, "study"])
        series = generate_uid(entropy_srcs=[str(name), description, "series"])
        folder = self._folder(name, description, study, series)
        folder.mkdir(parents=True)
        for number, pixels in enumerate(pictures):
            dataset = _dataset(name, description, study, series, number + 1, pixels)
            file = f"{number:06d}.dcm" if self.layout == "classic" else f"1-{number + 1}.dcm"
            dataset.save_as(folder / file, enforce_file_format=True)
        return [f"{name}/{study}/{series}/{number:06d}.dcm" for number in range(len(pictures))]

    def write_part(
        self,
        name: Name,
        *,
        mask: np.ndarray,
        cropped: np.ndarray,
        mask_first: bool,
        one_series: bool,
    ) -> tuple[str, str]:
        """Write mask and cropped image; return the tables' paths of both, in this order."""
        if not one_series:
            (mask_path,) = self.write(name, "ROI mask images", [mask])
            (cropped_path,) = self.write(name, "cropped images", [cropped])
        elif mask_first:
            mask_path, cropped_path = self.write(name, "ROI mask images", [mask, cropped])
        else:
            cropped_path, mask_path = self.write(name, "ROI mask images", [cropped, mask])
        return mask_path, cropped_path

    def _folder(self, name: Name, description: str, study: str, series: str) -> Path:
        if self.layout == "uids":
            return self.root / "CBIS-DDSM" / str(name) / study / series
        if self.layout == "classic":
            days, kinds = f"08-29-2017-DDSM-{study[-5:]}", f"1-{description}-{series[-5:]}"
            return self.root / "CBIS-DDSM" / str(name) / days / kinds
        days, kinds = f"08-29-2017-DDSM-NA-{study[-5:]}", f"1.000000-{description}-{series[-5:]}"
        return self.root / "manifest-1" / "CBIS-DDSM" / str(name) / days / kinds


def _dataset(
    name: Name, description: str, study: str, series: str, number: int, pixels: np.ndarray
) -> Dataset:
    """PS3.3 A.8.1, Secondary Capture, with the elements of the real files: no spacing, the view
    where the orientation belongs, and a Patient ID that is more than a patient."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    instance = generate_uid(entropy_srcs=[series, str(number)])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = instance
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.StudyDate, dataset.StudyTime = "20170829", "120000"
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.Modality, dataset.ConversionType = "MG", "WSD"
    dataset.SeriesDescription = description
    dataset.PatientName, dataset.PatientID = "SYNTHETIC", str(name)
    dataset.ImageComments = "synthetic, no patient"
    dataset.BodyPartExamined = "BREAST"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
    dataset.StudyID = "DDSM"
    dataset.SeriesNumber, dataset.InstanceNumber = 1, number
    dataset.PatientOrientation, dataset.Laterality = name.view, name.side[0]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    return dataset
