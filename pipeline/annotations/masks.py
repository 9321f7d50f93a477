"""Outlines that come as an image of the size of the mammogram: the masks of findings.

Masks are files from outside like any other, so workers with limits read them. The outline of a
mask is kept beside the store by the checksum of the mask, so each is read once for all runs.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline.annotations.mask_holes import SIMPLIFY_PX, Polygons, outlines_of_mask
from pipeline.config import Settings
from pipeline.dicom.any_pixels import read_any_pixels
from pipeline.dicom.file_format import DICOM_ERRORS, is_dicom
from pipeline.dicom.known_words import without_values
from pipeline.dicom.unusable import one_line
from pipeline.run.atomic import read_json, write_text
from pipeline.run.checksum import file_sha256, value_sha256
from pipeline.run.known_checksums import work_once
from pipeline.run.map_images import Lost
from pipeline.run.object_path import on_this_machine, place
from pipeline.run.pseudonyms import is_private, original_path

# Raise it when `mask_polygons` gives other outlines.
MASK_FORMAT = 2

_ASPECT_TOLERANCE = 0.01
# Fewer levels may number several findings instead.
_LEAST_LEVELS = 5
# Grey levels so far from the middle, as a share of the range, are neither black nor white; of an
# edge that was resampled or compressed there are few beside what is white.
_BETWEEN, _MOST_BETWEEN = 0.4, 0.25

MOST_PIXELS = 150_000_000  # nothing larger is decoded; films have up to 40 million


class NoOutline(ValueError):
    """Why a finding has no usable outline."""


@dataclass(frozen=True)
class MaskJob:
    """A mask on a mammogram of so many rows and columns, and the folder of known outlines."""

    file: str
    height: int
    width: int
    folder: Path
    pseudonym: str = ""  # of the file, where its path may not be written

    def kept(self, file_sha256: str) -> Path:
        """The file that has the outline of the mask with this checksum."""
        key = value_sha256([MASK_FORMAT, file_sha256, self.height, self.width])
        return self.folder / key[:2] / f"{key}.json"


@dataclass(frozen=True)
class MaskOutline:
    """The outline of a mask, or why there is none."""

    polygons: Polygons
    notes: tuple[str, ...] = ()  # what the user should know about its holes
    problem: str = ""
    file_sha256: str = ""


def outline_masks(
    findings: pd.DataFrame, sizes: Mapping[str, tuple[int, int]], settings: Settings
) -> dict[str, MaskOutline]:
    """Outline the masks among findings; only what is not known yet is read.

    Args:
        findings: rows of catalog/findings.csv.
        sizes: height and width of the original image in pixels, by image id.

    Returns:
        By finding id.
    """
    root = settings.store.root
    jobs = {}
    for row in findings[findings["geometry"] == "mask"].itertuples():
        named = json.loads(row.coordinates)["file"]
        file, pseudonym = str(original_path(named)), named if is_private(named) else ""
        jobs[row.finding_id] = MaskJob(file, *sizes[row.image_id], root / "masks", pseudonym)
    ends = work_once(
        list(jobs.values()),
        kept=_kept,
        work=outline_mask,
        root=root,
        limits=settings.dicom,
        title="outlines of masks",
    )
    return {
        finding_id: MaskOutline([], problem=f"mask {job.pseudonym or job.file}: {end.reason}")
        if isinstance(end, Lost)
        else end
        for (finding_id, job), end in zip(jobs.items(), ends, strict=True)
    }


def outline_mask(job: MaskJob) -> MaskOutline:
    """Outline one mask and keep the outline."""
    try:
        with on_this_machine(place(job.file)) as path:
            return _outline_mask(job, path)
    except FileNotFoundError as error:
        return MaskOutline([], problem=f"mask {job.pseudonym or job.file}: {error.strerror}")


def _outline_mask(job: MaskJob, path: Path) -> MaskOutline:
    try:
        polygons, notes = mask_polygons(path, height=job.height, width=job.width)
    except NoOutline as problem:
        text = str(problem).replace(str(path), job.pseudonym or job.file)
        return MaskOutline([], problem=text)
    checksum = file_sha256(path)
    write_text(job.kept(checksum), json.dumps({"polygons": polygons, "notes": notes}))
    return MaskOutline(polygons, tuple(notes), file_sha256=checksum)


def _kept(job: MaskJob, file_sha256: str) -> MaskOutline | None:
    with contextlib.suppress(ValueError, TypeError, LookupError):  # damaged: made anew
        kept = read_json(job.kept(file_sha256)) or {}
        return MaskOutline(kept["polygons"], tuple(kept["notes"]), file_sha256=file_sha256)
    return None


def mask_polygons(path: Path, *, height: int, width: int) -> tuple[Polygons, list[str]]:
    """The outline of a mask, one polygon per connected part; real holes are outside.

    Args:
        path: DICOM file, or an image that OpenCV reads.
        height, width: size of the mammogram in pixels. A mask of another size is resized
            (nearest) where its aspect ratio agrees within 1 %.

    Returns:
        Polygons of [row, col] through pixel centres, and notes about holes.

    Raises:
        NoOutline: the file is no mask of this mammogram.
    """
    pixels = read_mask(path)
    low, high = pixels.min(), pixels.max()
    if low == high:
        raise NoOutline(f"mask {path} outlines nothing: all its pixels are {low}")
    mask = pixels == high
    notes = []
    if not np.all(mask | (pixels == low)):
        share = (pixels.astype(np.float32) - low) / (float(high) - float(low))
        mask = share >= 0.5
        between = np.count_nonzero(np.abs(share - 0.5) < _BETWEEN)
        numbered = len(np.unique(pixels)) < _LEAST_LEVELS
        if numbered or between > _MOST_BETWEEN * np.count_nonzero(mask):
            raise NoOutline(f"mask {path} must have two values, not grey levels")
        notes.append("its mask has grey levels at the edge: half and more counts as inside")
    own_height, own_width = mask.shape
    if abs(own_height / own_width / (height / width) - 1) > _ASPECT_TOLERANCE:
        raise NoOutline(
            f"mask {path} has {own_height} x {own_width} pixels: its aspect ratio differs "
            f"from that of the image, {height} x {width}, by more than 1 %"
        )
    size = (width, height)
    resized = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    polygons, holes = outlines_of_mask(resized)
    return polygons, [*notes, *holes]


def contours(mask: np.ndarray) -> Polygons:
    """Outer contours of what is not 0 as polygons of [row, col] through pixel centres.

    Example:
        >>> contours(np.ones((3, 2), bool))
        [[[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]]
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    simple = [cv2.approxPolyDP(contour, SIMPLIFY_PX, closed=True) for contour in found]
    return sorted(curve[:, 0, ::-1].astype(float).tolist() for curve in simple)


def read_mask(path: Path) -> np.ndarray:
    """The pixels of a mask file, (H, W).

    Raises:
        NoOutline: the file is missing or cannot be decoded.
    """
    try:
        pixels: np.ndarray | None
        if is_dicom(path):
            pixels = read_any_pixels(path, most_pixels=MOST_PIXELS)
        else:
            data = np.fromfile(path, np.uint8)
            pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
            if pixels is not None and pixels.ndim == 3:  # a grey image stored as colour
                pixels = pixels[..., :3].max(axis=2)
    except OSError as error:
        raise NoOutline(f"mask {path} cannot be read: {error.strerror or error}") from error
    except DICOM_ERRORS as error:
        raise NoOutline(
            f"mask {path} cannot be decoded: {without_values(one_line(error))}"
        ) from error
    if pixels is None or pixels.ndim != 2:
        raise NoOutline(f"mask {path} must be a grey image or a DICOM file with one frame")
    return pixels
