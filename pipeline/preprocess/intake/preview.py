"""Pictures of images that were left out, where they can be decoded at all.

They are kept beside the store by the checksum of the file, so each is decoded once; an empty
file stands for one that cannot be shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.config import DicomSettings, Settings
from pipeline.dicom.opening import DICOM_ERRORS
from pipeline.dicom.reader import Unusable, read_mammogram
from pipeline.preprocess.intake.thumbnails import plain_thumbnail
from pipeline.run.atomic import write_atomic
from pipeline.run.map_images import default_workers, map_images

# Stands in where a file has no spacing: a picture needs none.
ANY_SPACING_MM = 0.1


@dataclass(frozen=True)
class PreviewJob:
    """One file to show.

    Attributes:
        file: path of the DICOM file.
        picture: the JPEG to write.
    """

    file: str
    dicom: DicomSettings
    picture: Path


def let_through(dicom: DicomSettings) -> DicomSettings:
    """The settings with nothing left out for what it shows; the limits of size stay."""
    everything = {"modalities": "any", "views": "any", "for_processing": True, "frames": "first"}
    return dicom.model_copy(update=everything)


def previews(files: Sequence[tuple[str, str]], settings: Settings) -> list[bytes]:
    """JPEGs of files that are no mammograms of this run; b"" where there is none.

    Args:
        files: path and SHA-256 of each; a file without a checksum is not tried.
    """
    folder = settings.store.root / "previews"
    pictures = [folder / f"{sha256}.jpg" if sha256 else None for _, sha256 in files]
    jobs = {
        picture: PreviewJob(file, settings.dicom, picture)
        for (file, _), picture in zip(files, pictures, strict=True)
        if picture and not picture.is_file()
    }
    if jobs:
        results = map_images(
            show,
            list(jobs.values()),
            workers=min(settings.dicom.workers or default_workers(), len(jobs)),
            seconds=settings.dicom.decode_seconds,
            mib=settings.dicom.decode_mib,
        )
        for _ in results:
            pass
    return [picture.read_bytes() if picture and picture.is_file() else b"" for picture in pictures]


def show(job: PreviewJob) -> None:
    """Write the picture of one file, an empty one where it cannot be decoded."""
    try:
        mammogram = read_mammogram(
            Path(job.file), settings=let_through(job.dicom), spacing_mm=ANY_SPACING_MM
        )
        jpeg = plain_thumbnail(mammogram.pixels)
    except (Unusable, *DICOM_ERRORS):
        jpeg = b""
    write_atomic(job.picture, lambda temporary: temporary.write_bytes(jpeg))
