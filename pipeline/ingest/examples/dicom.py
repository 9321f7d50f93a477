"""Pictures as DICOM files with the header that a data set leaves in them."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.dicom.write import write_synthetic
from pipeline.ingest.phantom.picture import Picture


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
        syntax: a key of pipeline.dicom.write.ENCODINGS.
        header: values of elements by keyword, in place of the phantom's; None removes one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_synthetic(
        path,
        picture.pixels,
        patient_id=f"SYNTHETIC-{picture.woman + 1:04d}",
        laterality=picture.side,
        view=picture.view,
        spacing_mm=spacing_mm,
        inverted=inverted,
        encoding=syntax,
        changes=header,
    )
