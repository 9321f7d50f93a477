"""Headers of many files, and other work on them, each in a worker process with limits.

A header of some megabytes may hold millions of empty items, which take minutes and gigabytes to
read. It costs its own file.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.config import DicomSettings
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


def within_limits(
    limits: DicomSettings | None,
    function: Callable[[Any], Any],
    items: Sequence[Any],
    *,
    for_a_worker: int,
    title: str,
) -> Iterator[Any]:
    """What `function` gives for each item, in their order, or `Lost`; with how far it is.

    Args:
        limits: None: in this process, without any.
        for_a_worker: number of items that are done in the time that another worker takes to start.
        title: of the work.
    """
    if limits is None:
        yield from map(function, items)
        return
    workers = limits.workers
    if workers is None:
        workers = min(default_workers(), 1 + len(items) // for_a_worker)
    ends = map_images(
        function, items, workers=workers, seconds=limits.decode_seconds, mib=limits.decode_mib
    )
    yield from shown(ends, len(items), title)
