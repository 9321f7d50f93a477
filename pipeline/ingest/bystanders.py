"""Files that lie beside the images of a downloaded data set: why they are no images."""

from pathlib import PurePosixPath

from pipeline.ingest.dicom_folder import KINDS
from pipeline.ingest.listing import ListedFile

_SYSTEM = {".ds_store": "macOS", "thumbs.db": "Windows", "desktop.ini": "Windows"}


def left_behind(file: ListedFile) -> str:
    """Why a file is not the data set's own, whatever its name looks like; "" if it may be.

    macOS writes `._NAME` beside every NAME on foreign disks, and `__MACOSX` into archives.
    """
    path = PurePosixPath(file.name)
    system = _SYSTEM.get(path.name.lower())
    if path.name.startswith("._") or "__MACOSX" in path.parts:
        system = "macOS"
    return f"left behind by {system}" if system else ""


def bystander(file: ListedFile) -> str:
    """What a file is that no rule of the data set names, by its suffix."""
    suffix = PurePosixPath(file.name).suffix.lower()
    named = (kind for kind, suffixes in KINDS.items() if suffix in suffixes)
    return next(named, "not an image of the data set")
