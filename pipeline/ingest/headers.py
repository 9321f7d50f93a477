"""Headers of many files, each read in a worker process with limits on its memory and time.

A header of some megabytes may hold millions of empty items, which take minutes and gigabytes to
read. It costs its own file.
"""

from collections.abc import Sequence
from pathlib import Path

from pipeline.dicom.header import Header, read_header
from pipeline.ingest.importers import Request
from pipeline.ingest.source_files import SourceFile
from pipeline.run.map_images import Lost, default_workers, map_images
from pipeline.run.progress import shown

FILES_FOR_A_WORKER = 200  # read in the time that another one takes to start


def read_headers(
    request: Request, files: Sequence[SourceFile]
) -> dict[SourceFile, Header | Lost | None]:
    """The header of each file, in their order; None where it is damaged.

    `Lost` where it cannot be read within the limits of the request, which may have none.
    """
    limits, paths = request.limits, [file.path for file in files]
    if limits is None:
        return {file: _header(path) for file, path in zip(files, paths, strict=True)}
    workers = limits.workers
    if workers is None:
        workers = min(default_workers(), 1 + len(paths) // FILES_FOR_A_WORKER)
    read = map_images(
        _header,
        paths,
        workers=workers,
        seconds=limits.decode_seconds,
        mib=limits.decode_mib,
    )
    return dict(zip(files, shown(read, len(paths), "reading headers"), strict=True))


def _header(path: Path) -> Header | Lost | None:
    try:
        return read_header(path)
    except OSError as error:
        return Lost(f"cannot be read: {error.strerror}")
