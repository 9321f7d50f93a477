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

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.ignored_files import kind_of_file, left_behind
from pipeline.ingest.notes import tell
from pipeline.ingest.source_files import SourceFile


class CatalogBuilder:
    """The rows of a catalog while an importer looks through the files of its data set."""

    def __init__(self, files: Iterable[SourceFile], *, dataset: str):
        self._files = tuple(files)
        self._dataset = dataset
        self._ends: dict[str, tuple[str, str]] = {}
        self._images: list[dict] = []
        self._findings: dict[str, list[dict]] = defaultdict(list)
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
        **columns: str | float | None,
    ) -> None:
        """A file is the source of an image.

        Args:
            dicom: the DICOM file to read; `file` itself if absent.
            remarks: what the user should know about it, in words that many images can share.
            columns: the other columns of `catalog.ImageRow`.
        """
        remarks = tuple(remarks)
        self._end(file, "candidate", "; ".join(remarks))
        for remark in remarks:
            self._remarks[remark].append(image_id)
        own = {
            "image_id": image_id,
            "file": (dicom or file.path).as_posix(),
            "source": file.name,
            "dataset": self._dataset,
        }
        self._images.append(own | columns)

    def add_finding(
        self,
        image_id: str,
        *,
        kind: str,
        pathology: str,
        geometry: str = "none",
        coordinates: dict | list | None = None,
        note: str = "",
        finding_id: str = "",
    ) -> None:
        """Something was found on an image; see `catalog.FindingRow`.

        Args:
            coordinates: as they become JSON; absent for geometry none.
            finding_id: the number of the finding on its image if absent.
        """
        of_image = self._findings[image_id]
        of_image.append(
            {
                "finding_id": finding_id or f"{image_id}-{len(of_image) + 1}",
                "image_id": image_id,
                "kind": kind,
                "pathology": pathology,
                "geometry": geometry,
                "coordinates": json.dumps(coordinates or {}),
                "note": note,
            }
        )

    def catalog(self) -> Catalog:
        """The catalog; prints the remarks about its images."""
        for file in self.left():
            self.skip(file, kind_of_file(file))
        for remark, image_ids in sorted(self._remarks.items()):
            tell(remark, image_ids)
        findings = itertools.chain.from_iterable(self._findings.values())
        return make_catalog(self._images, findings, map(self._file_row, self._files))

    def _file_row(self, file: SourceFile) -> dict:
        status, reason = self._ends[file.name]
        return {"file": file.name, "status": status, "reason": reason, "bytes": file.size}

    def _end(self, file: SourceFile, status: str, reason: str) -> None:
        if file.name in self._ends:
            raise ValueError(f"{file.name} must end once, not as {self._ends[file.name]} too")
        self._ends[file.name] = (status, reason)
