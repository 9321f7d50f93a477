"""The files of the example of CBIS-DDSM: DICOM as the real ones, folders, tables."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from pipeline.ingest.cbis_ddsm.names import Name
from pipeline.ingest.cbis_ddsm.tables import TABLES

_DETAILS = {
    "Calc": ("calcification", "breast density", "calc type", "calc distribution"),
    "Mass": ("mass", "breast_density", "mass shape", "mass margins"),
}


@dataclass(frozen=True)
class Part:
    """Mask and cropped image of an abnormality, in either order of their files."""

    mask: np.ndarray
    cropped: np.ndarray


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
        self, name: Name, part: Part, *, mask_first: bool, one_series: bool
    ) -> tuple[str, str]:
        """Write mask and cropped image; return the tables' paths of both, in this order."""
        if not one_series:
            (mask,) = self.write(name, "ROI mask images", [part.mask])
            (cropped,) = self.write(name, "cropped images", [part.cropped])
            return mask, cropped
        pictures = [part.mask, part.cropped] if mask_first else [part.cropped, part.mask]
        paths = self.write(name, "ROI mask images", pictures)
        return (paths[0], paths[1]) if mask_first else (paths[1], paths[0])

    def _folder(self, name: Name, description: str, study: str, series: str) -> Path:
        if self.layout == "uids":
            return self.root / "CBIS-DDSM" / str(name) / study / series
        if self.layout == "classic":
            days, kinds = f"08-29-2017-DDSM-{study[-5:]}", f"1-{description}-{series[-5:]}"
            return self.root / "CBIS-DDSM" / str(name) / days / kinds
        days, kinds = f"08-29-2017-DDSM-NA-{study[-5:]}", f"1.000000-{description}-{series[-5:]}"
        return self.root / "manifest-1" / "CBIS-DDSM" / str(name) / days / kinds


@dataclass(frozen=True)
class TableRow:
    """A row of the tables; the paths are those of the mammogram, the cropped image, the mask."""

    name: Name  # of the abnormality
    density: int
    assessment: int
    pathology: str
    image: str
    cropped: str
    mask: str


def write_tables(root: Path, rows: list[TableRow]) -> None:
    """Write the four tables with the real columns, and a line break inside a path of each row."""
    for list_name, file in TABLES.items():
        kind, density, first, second = _DETAILS[list_name[:4]]
        columns = f"""patient_id,{density},left or right breast,image view,abnormality id,\
abnormality type,{first},{second},assessment,pathology,subtlety,\
image file path,cropped image file path,ROI mask file path"""
        with (root / file).open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\r\n")
            table.writerow(columns.split(","))
            for row in (row for row in rows if row.name.list_name == list_name):
                name, after = row.name, ("\n", "") if kind == "calcification" else ("", "\n")
                lesion = name.patient_id, row.density, name.side, name.view, name.abnormality
                judged = kind, "N/A", "N/A", row.assessment, row.pathology, 3
                paths = row.image, row.cropped + after[0], row.mask + after[1]
                table.writerow([*lesion, *judged, *paths])


def write_beside(root: Path) -> None:
    """What the newer downloader puts beside the images."""
    folder = root / "manifest-1"
    folder.mkdir(exist_ok=True)
    (folder / "metadata.csv").write_text("Series UID,Collection\n", encoding="utf-8")
    (folder / "LICENSE").write_text("Synthetic: no licence of the data set.\n", encoding="utf-8")


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
