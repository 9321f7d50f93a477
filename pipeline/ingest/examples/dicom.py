"""Pictures as DICOM files with the header that a data set leaves in them."""

from collections.abc import Mapping
from pathlib import Path

from pydicom import dcmread

from pipeline.ingest.phantom.dicom import write_dicom
from pipeline.ingest.phantom.picture import Picture
from pipeline.ingest.phantom.plan import Patient


def write_picture(
    path: Path,
    picture: Picture,
    *,
    spacing_mm: float,
    inverted: bool = False,
    syntax: str = "explicit",
    header: Mapping[str, object] | None = None,
) -> None:
    """Write a picture as a mammogram; its folder is made.

    Args:
        spacing_mm: Imager Pixel Spacing (0018,1164).
        inverted: MONOCHROME1 instead of MONOCHROME2.
        syntax: a key of phantom.encode.UIDS.
        header: values of elements by keyword, in place of the phantom's; None removes one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    woman = Patient(picture.woman, lesions=(), syntax=syntax, inverted=inverted, film=False)
    write_dicom(path, picture.pixels, woman, picture.side, picture.view, spacing_mm=spacing_mm)
    if not header:
        return
    dataset = dcmread(path)
    for keyword, value in header.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)
