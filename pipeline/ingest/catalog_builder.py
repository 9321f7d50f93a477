"""How an importer says what the files of a data set are.

    builder = CatalogBuilder(request.files, dataset="cmmd")
    builder.skip(table, "the table of the data set")
    builder.add_image(file, image_id="1-1", patient_id="D1-0001", laterality="L", view="CC")
    builder.add_finding("1-1", kind="mass", pathology="malignant")
    return builder.catalog()

Each file ends once: as the source of an image, as skipped or as failed. Whatever the importer
says nothing about is skipped for what its suffix tells. What it remarks about images goes into
files.csv and is told to the user.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.ignored_files import kind_of_file, left_behind
from pipeline.ingest.notes import tell
from pipeline.ingest.source_files import SourceFile


class CatalogBuilder:
    """The rows of a catalog while an importer looks through the files of its data set."""

    def __init__(self, files: Iterable[SourceFile], *, dataset: str, of_hospital: bool = False):
        self._files = tuple(files)
        self._dataset = dataset
        self._of_hospital = ("",) if of_hospital else ()
        self._ends: dict[str, tuple[str, str]] = {}
        self._images: list[dict] = []
        self._findings: list[dict] = []
        self._count: Counter[str] = Counter()  # findings by image id
        self._placed: set[tuple] = set()  # findings with a place, each told once
        self._twice: list[str] = []  # ids of the images of those that were told again
        self._remarks: dict[str, list[str]] = defaultdict(list)

    def skip(self, file: SourceFile, reason: str) -> None:
        """It is no image, or one that is not wanted."""
        self._end(file, "skipped", reason)

    def fail(self, file: SourceFile, reason: str) -> None:
        """It should be an image and is lost."""
        self._end(file, "failed", reason)

    def skip_left_behind(self) -> None:
        """Skip what operating systems have left, which may be called like an image."""
        for file in self.left():
            if reason := left_behind(file):
                self.skip(file, reason)

    def failed(self) -> list[str]:
        """The names of the files that are lost."""
        return [name for name, (status, _) in self._ends.items() if status == "failed"]

    def left(self) -> list[SourceFile]:
        """The files of which nothing is said yet, in their order."""
        return [file for file in self._files if file.name not in self._ends]

    def add_image(
        self,
        file: SourceFile,
        *,
        image_id: str,
        dicom: Path | None = None,
        remarks: Iterable[str] = (),
        findings: Iterable[Mapping] = (),
        **columns: str | float | None,
    ) -> None:
        """A file is the source of an image.

        Args:
            dicom: the DICOM file to read; `file` itself if absent.
            remarks: what the user should know about it, in words that many images can share.
            findings: on it, as the arguments of `add_finding`.
            columns: the other columns of `catalog.ImageRow`.
        """
        path = dicom or file.path
        if path.as_posix().encode(errors="replace") != os.fsencode(path):
            self.fail(file, "its name or that of a folder is no UTF-8, so no table can hold it")
            return
        remarks = tuple(remarks)
        self._end(file, "candidate", "; ".join(remarks))
        for remark in remarks:
            self._remarks[remark].append(image_id)
        own = {
            "image_id": image_id,
            "file": path.as_posix(),
            "source": file.name,
            "dataset": self._dataset,
        }
        self._images.append(own | columns)
        for finding in findings:
            self.add_finding(image_id, **finding)

    def add_finding(
        self,
        image_id: str,
        *,
        finding_id: str = "",
        coordinates: dict | list | None = None,
        **columns: str,
    ) -> None:
        """Something was found on an image; the same at the same place counts once.

        Args:
            finding_id: the number of the finding on its image if absent.
            coordinates: as they become JSON; absent for geometry none.
            columns: the other columns of `catalog.FindingRow`.
        """
        place = json.dumps(coordinates or {})
        finding = image_id, place, columns.get("kind"), columns.get("pathology")
        if coordinates and finding in self._placed:
            self._twice.append(image_id)
            return
        self._placed.add(finding)
        self._count[image_id] += 1
        row = {
            "finding_id": finding_id or f"{image_id}-{self._count[image_id]}",
            "image_id": image_id,
            "coordinates": place,
        }
        self._findings.append(row | columns)

    def catalog(self) -> Catalog:
        """The catalog; prints the remarks about its images."""
        for file in self.left():
            self.skip(file, kind_of_file(file))
        if self._twice:
            tell("findings that are there twice, taken once, of images", self._twice)
        for remark, image_ids in sorted(self._remarks.items()):
            tell(remark, image_ids)
        files = [
            {"file": file.name, "bytes": file.size, "status": status, "reason": reason}
            for file in self._files
            for status, reason in [self._ends[file.name]]
        ]
        catalog = make_catalog(self._images, self._findings, files)
        return replace(catalog, of_hospital=self._of_hospital)

    def _end(self, file: SourceFile, status: str, reason: str) -> None:
        if file.name in self._ends:
            raise ValueError(f"{file.name} must end once, not as {self._ends[file.name]} too")
        self._ends[file.name] = (status, reason)
