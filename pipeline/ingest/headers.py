"""Headers of many files, each read in a worker process with limits on its memory and time.

A header of some megabytes may hold millions of empty items, which take minutes and gigabytes to
read. It costs its own file.
"""

from collections.abc import Sequence
from pathlib import Path

from pipeline.dicom.header import Header, read_header
from pipeline.ingest.importers import Request
from pipeline.ingest.source_files import SourceFile
from pipeline.ingest.within_limits import within_limits
from pipeline.run.map_images import Lost

FILES_FOR_A_WORKER = 200  # read in the time that another one takes to start


def read_headers(
    request: Request, files: Sequence[SourceFile]
) -> dict[SourceFile, Header | Lost | None]:
    """The header of each file, in their order; None where it is damaged.

    `Lost` where it cannot be read within the limits of the request, which may have none.
    """
    read = within_limits(
        request.limits,
        _header,
        [file.path for file in files],
        for_a_worker=FILES_FOR_A_WORKER,
        title="reading headers",
    )
    return dict(zip(files, read, strict=True))


def _header(path: Path) -> Header | Lost | None:
    try:
        return read_header(path)
    except OSError as error:
        return Lost(f"cannot be read: {error.strerror}")
