"""Small pictures for intake.html: of what is in the store, and of what was left out.

Pictures of what was left out are kept beside the store by the checksum of the file, so each is
decoded once; an empty file stands for one that cannot be shown.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.outlines import Outline, standard_outlines
from pipeline.config import DicomSettings, Settings
from pipeline.dicom.file_format import DICOM_ERRORS
from pipeline.dicom.mammogram import Unusable, read_mammogram
from pipeline.preprocess.store.entries import BREAST_CELL_PX, network_input, read_breast, read_image
from pipeline.run.atomic import write_atomic
from pipeline.run.map_images import map_images
from pipeline.run.object_path import on_this_machine, place

HEIGHT_PX = 200
_WIDEST_PX = 300
_QUALITY = 72
# Blue, green, red.
_BREAST, _COUNTS, _OTHER, _WRONG = (90, 200, 90), (0, 140, 255), (255, 160, 60), (60, 60, 255)
# Stands in where a file has no spacing: a picture needs none.
ANY_SPACING_MM = 0.1


def store_thumbnail(
    mammogram: Mapping, outlines: Sequence[Outline], *, wrong: Collection[str] = ()
) -> bytes:
    """A standardised mammogram with the edge of its breast and its outlines, as JPEG.

    Args:
        mammogram: row of mammograms.csv.
        outlines: its outlines, in original pixels.
        wrong: ids of findings whose outline is not used.
    """
    image = read_image(mammogram["store"])
    small = _coloured(_reduced(network_input(image)))
    step = len(image) / len(small)
    cells = np.pad(read_breast(mammogram["store"]), 1).astype(np.uint8)
    for edge in cv2.findContours(cells, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]:
        centres = (edge[:, 0, ::-1].astype(np.float64) - 1 + 0.5) * BREAST_CELL_PX - 0.5
        _draw(small, centres, step, _BREAST)
    for outline in standard_outlines(outlines, geometry_of(mammogram)):
        colour = _COUNTS if outline.positive else _OTHER
        colour = _WRONG if outline.finding_id in wrong else colour
        for curve in outline.curves():
            _draw(small, curve, step, colour)
    return _jpeg(small)


def plain_thumbnail(pixels: np.ndarray) -> bytes:
    """A picture from its darkest to its brightest value, as JPEG.

    Args:
        pixels: (H, W) float32.
    """
    small = _reduced(pixels)
    low, high = np.percentile(small, [1, 99.8])
    return _jpeg(_coloured((small - low) / max(high - low, 1e-6)))


@dataclass(frozen=True)
class LeftOutJob:
    """One file to show."""

    file: str  # path of the DICOM file
    dicom: DicomSettings
    picture: Path  # the JPEG to write


def let_through(dicom: DicomSettings) -> DicomSettings:
    """The settings with nothing left out for what it shows; the limits of size stay."""
    everything = {"modalities": "any", "views": "any", "for_processing": True, "frames": "first"}
    return dicom.model_copy(update=everything)


def left_out_thumbnails(files: Sequence[tuple[str, str]], settings: Settings) -> list[bytes]:
    """JPEGs of files that are no mammograms of this run; b"" where there is none.

    Args:
        files: path and SHA-256 of each; a file without a checksum is not tried.
    """
    folder = settings.store.root / "previews"
    pictures = [folder / f"{sha256}.jpg" if sha256 else None for _, sha256 in files]
    jobs = {
        picture: LeftOutJob(file, settings.dicom, picture)
        for (file, _), picture in zip(files, pictures, strict=True)
        if picture and not picture.is_file()
    }
    limits = settings.dicom
    for _ in map_images(
        write_left_out,
        list(jobs.values()),
        workers=limits.workers,
        seconds=limits.decode_seconds,
        mib=limits.decode_mib,
        places=[settings.store.root],
    ):
        pass
    return [picture.read_bytes() if picture and picture.is_file() else b"" for picture in pictures]


def write_left_out(job: LeftOutJob) -> None:
    """Write the picture of one file, an empty one where it cannot be decoded."""
    try:
        settings = let_through(job.dicom)
        with on_this_machine(place(job.file)) as file:
            mammogram = read_mammogram(file, settings=settings, spacing_mm=ANY_SPACING_MM)
        jpeg = plain_thumbnail(mammogram.pixels)
    except (Unusable, *DICOM_ERRORS):
        jpeg = b""
    write_atomic(job.picture, lambda temporary: temporary.write_bytes(jpeg))


def _reduced(pixels: np.ndarray) -> np.ndarray:
    scale = min(HEIGHT_PX / pixels.shape[0], _WIDEST_PX / pixels.shape[1])
    size = [max(round(side * scale), 1) for side in pixels.shape[::-1]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _coloured(light: np.ndarray) -> np.ndarray:
    grey = np.clip(light * 255 + 0.5, 0, 255).astype(np.uint8)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def _draw(picture: np.ndarray, curve: np.ndarray, step: float, colour: tuple) -> None:
    """Draw a closed curve of (row, col) in standard pixels, `step` of them per pixel."""
    small = (curve + 0.5) / step - 0.5
    points = np.rint(small[:, ::-1] * 16).astype(np.int32)  # sixteenths of a pixel, (x, y)
    cv2.polylines(picture, [points], True, colour, 1, cv2.LINE_AA, shift=4)


def _jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
