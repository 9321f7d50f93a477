"""Files that lie beside the images of a data set, and in a few words why they are no images."""

from pathlib import PurePosixPath

from pipeline.dicom.file_format import is_dicom
from pipeline.ingest.source_files import SourceFile

NOT_DICOM = "not DICOM"
TABLE = "a table or text"
ARCHIVE = "an archive"
_SYSTEM = {".ds_store": "macOS", "thumbs.db": "Windows", "desktop.ini": "Windows"}
DICOM_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")
_KINDS = {
    TABLE: (".csv", ".tsv", ".txt", ".xls", ".xlsx", ".json", ".xml", ".md", ".yaml"),
    ARCHIVE: (".zip", ".gz", ".tgz", ".tar", ".7z", ".bz2", ".xz", ".rar", ".zst"),
    "a picture, not DICOM": (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".gif"),
}


def left_behind(file: SourceFile) -> str:
    """Why a file is not the data set's own, whatever its name looks like; "" if it may be.

    macOS writes `._NAME` beside every NAME on foreign disks, and `__MACOSX` into archives.
    """
    path = PurePosixPath(file.name)
    system = _SYSTEM.get(path.name.lower())
    if path.name.startswith("._") or "__MACOSX" in path.parts:
        system = "macOS"
    return f"left behind by {system}" if system else ""


def kind_of_file(file: SourceFile, otherwise: str = "not an image of the data set") -> str:
    """What a file is that no rule of the data set names, by its suffix."""
    suffix = PurePosixPath(file.name).suffix.lower()
    return next((kind for kind, suffixes in _KINDS.items() if suffix in suffixes), otherwise)


def kind_of_name(file: SourceFile) -> str:
    """What the name of a DICOM file has in common with others of its folder: the suffix.

    Digits are no suffix but the end of a number, such as a UID.
    """
    return "" if file.suffix[1:].isdigit() else file.suffix


def not_dicom(file: SourceFile) -> str:
    """Why a file that should be DICOM is none; "" where it begins like DICOM."""
    try:
        return "" if is_dicom(file.path) else NOT_DICOM if file.size else "an empty file"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
