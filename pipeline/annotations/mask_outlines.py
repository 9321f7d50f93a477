"""The outlines of all masks of a catalog: only what is not known yet is read, in parallel.

An outline is kept beside the store by the checksum of its mask, so runs share it. Masks are
files from outside like any other, so workers with limits read them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.annotations.masks import NoOutline, mask_polygons
from pipeline.config import Settings
from pipeline.run.atomic import write_text
from pipeline.run.checksum import file_sha256, value_sha256
from pipeline.run.known_checksums import add_checksums, file_state, read_checksums
from pipeline.run.map_images import Lost, map_images
from pipeline.run.progress import shown

# Raise it when masks.py gives other outlines.
MASK_FORMAT = 1

Polygons = list[list[list[float]]]


@dataclass(frozen=True)
class MaskJob:
    """A mask on a mammogram of so many rows and columns, and the folder of known outlines."""

    file: str
    height: int
    width: int
    folder: Path


@dataclass(frozen=True)
class MaskEnd:
    """The outline of a mask, or why there is none."""

    polygons: Polygons
    problem: str = ""
    file_sha256: str = ""


@dataclass(frozen=True)
class MaskOutlines:
    """The ends of masks, by file and size of the mammogram."""

    ends: Mapping[tuple[str, int, int], MaskEnd]

    def polygons(self, path: Path, *, height: int, width: int) -> Polygons:
        """The polygons of one of the masks; like `masks.mask_polygons`.

        Raises:
            NoOutline: the file is no mask of this mammogram.
        """
        end = self.ends[str(path), height, width]
        if end.problem:
            raise NoOutline(end.problem)
        return end.polygons


def outline_masks(
    findings: pd.DataFrame, sizes: Mapping[str, tuple[int, int]], settings: Settings
) -> MaskOutlines:
    """Outline the masks among findings.

    Args:
        findings: rows of catalog/findings.csv.
        sizes: height and width of the original image in pixels, by image id.
    """
    masks = findings[findings["geometry"] == "mask"]
    folder = settings.store.root / "masks"
    jobs = [
        MaskJob(str(Path(json.loads(row.coordinates)["file"])), *sizes[row.image_id], folder)
        for row in masks.itertuples()
    ]
    checksums = read_checksums(settings.store.root) if jobs else {}
    ends = {job: _known(job, checksums) for job in jobs}
    missing = [job for job, end in ends.items() if end is None]
    if missing:
        ends |= dict(zip(missing, _outlined(missing, settings), strict=True))
    return MaskOutlines({(job.file, job.height, job.width): end for job, end in ends.items()})


def outline_mask(job: MaskJob) -> MaskEnd:
    """Outline one mask and keep the outline."""
    path = Path(job.file)
    try:
        polygons = mask_polygons(path, height=job.height, width=job.width)
    except NoOutline as problem:
        return MaskEnd([], str(problem))
    checksum = file_sha256(path)
    write_text(_kept(job, checksum), json.dumps(polygons))
    return MaskEnd(polygons, file_sha256=checksum)


def _outlined(jobs: list[MaskJob], settings: Settings) -> list[MaskEnd]:
    results = map_images(
        outline_mask,
        jobs,
        workers=settings.dicom.workers,
        seconds=settings.dicom.decode_seconds,
        mib=settings.dicom.decode_mib,
    )
    ends = []
    for job, result in zip(jobs, shown(results, len(jobs), "outlines of masks"), strict=True):
        lost = isinstance(result, Lost)
        end = MaskEnd([], f"mask {job.file}: {result.reason}") if lost else result
        if end.file_sha256:
            state = file_state(Path(job.file))
            add_checksums(settings.store.root, [(state, end.file_sha256)])
        ends.append(end)
    return ends


def _known(job: MaskJob, checksums: Mapping) -> MaskEnd | None:
    path = Path(job.file)
    checksum = checksums.get(file_state(path)) if path.is_file() else None
    kept = _kept(job, checksum) if checksum else None
    if kept is None or not kept.is_file():
        return None
    return MaskEnd(json.loads(kept.read_text(encoding="utf-8")), file_sha256=checksum)


def _kept(job: MaskJob, checksum: str) -> Path:
    key = value_sha256([MASK_FORMAT, checksum, job.height, job.width])
    return job.folder / key[:2] / f"{key}.json"
