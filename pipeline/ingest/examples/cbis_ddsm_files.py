"""The DICOM files of the example of CBIS-DDSM, as the real ones, in their folders."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.dicom.write import derived_uid, write_picture
from pipeline.ingest.cbis_ddsm.names import Name


@dataclass(frozen=True)
class Download:
    """Where and how files are written: classic, nbia (the newer downloader) or uids."""

    root: Path
    layout: str

    def write(self, name: Name, description: str, pictures: list[np.ndarray]) -> list[str]:
        """Write a series; return the paths of its files as the tables would have them."""
        study = derived_uid(str(name), description, "study")
        series = derived_uid(str(name), description, "series")
        folder = self._folder(name, description, study, series)
        folder.mkdir(parents=True)
        for number, pixels in enumerate(pictures):
            header = _header(name, description, study, series, number + 1)
            file = f"{number:06d}.dcm" if self.layout == "classic" else f"1-{number + 1}.dcm"
            write_picture(folder / file, pixels, header)
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


def _header(
    name: Name, description: str, study: str, series: str, number: int
) -> dict[str, object]:
    """Secondary Capture, PS3.3 A.8.1, with the elements of the real files: no spacing, the view
    where the orientation belongs, and a Patient ID that is more than a patient."""
    return {
        "SOPInstanceUID": derived_uid(series, str(number)),
        "StudyDate": "20170829",
        "StudyTime": "120000",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "PatientBirthDate": "",
        "PatientSex": "",
        "Modality": "MG",
        "ConversionType": "WSD",
        "SeriesDescription": description,
        "PatientName": "SYNTHETIC",
        "PatientID": str(name),
        "ImageComments": "synthetic, no patient",
        "BodyPartExamined": "BREAST",
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "StudyID": "DDSM",
        "SeriesNumber": 1,
        "InstanceNumber": number,
        "PatientOrientation": name.view,
        "Laterality": name.side[0],
    }
