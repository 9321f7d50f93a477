"""What exported objects take over from their mammogram: the links to it, and no more.

The Basic Profile of PS3.15 Annex E would replace or remove nearly all that a header says of a
patient. What is kept against it are the UIDs and the Patient ID, without which a PACS does not put
the objects beside their mammograms; what identifies a person further is kept when asked for.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from pipeline.dicom.elements import count
from pipeline.dicom.file_format import DICOM_ERRORS, read_dicom
from pipeline.dicom.known_words import MODALITIES
from pipeline.dicom.unusable import Unusable, one_line
from pipeline.preprocess.store.entries import read_info
from pipeline.run.checksum import file_sha256

_FRAMES = "NumberOfFrames"
# The links to study, series and instance, and what the objects' own pixels depend on.
_LINKS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
_KEPT = (
    *("PatientID", "Modality", "Rows", "Columns", "PatientOrientation", *LOSSY),
    _REMOVED := "PatientIdentityRemoved",  # whether somebody has done it before
)
# What the words of a header may be there; people write others, with names in them.
_WORDS = {
    "Modality": "|".join(MODALITIES),
    "PatientOrientation": "[AFHLPR]{1,3}",
    "LossyImageCompression": "0[01]",
    "LossyImageCompressionRatio": "[-+.0-9eE]+",
    "LossyImageCompressionMethod": r"ISO_\d+(_\d+)?",
    _REMOVED: "YES|NO",
}
# Type 2 of the Patient and General Study modules: there, and blank unless asked for.
_IDENTIFYING = (
    *("PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName"),
)

_ASKED = ("SpecificCharacterSet", _FRAMES, *_LINKS, *_KEPT, *_IDENTIFYING)


def read_source(mammogram: Mapping[str, Any], path: Path, *, identified: bool) -> Dataset:
    """The header that exported objects are made from.

    Args:
        mammogram: row of mammograms.csv.
        path: of its file, whose name in the row may be a pseudonym.
        identified: keep name, birth date, sex and the attributes of the study, too.

    Returns:
        A single-frame image without pixels and without what the profile removes.

    Raises:
        Unusable: the file is not the one that was mapped, or no object can refer to it.
    """
    name = mammogram["file"]
    if not path.is_file():
        raise Unusable("skipped", f"{name} is missing: put the source file back")
    if file_sha256(path) != read_info(mammogram["store"])["file_sha256"]:
        raise Unusable("skipped", f"{name} is not the file that was mapped: run make heatmap")
    try:
        header = read_dicom(path, header_only=True, tags=_ASKED)
    except DICOM_ERRORS as error:
        raise Unusable("failed", f"{name}: {one_line(error)}") from error
    if count(header, _FRAMES) > 1:
        raise Unusable("skipped", "one of several frames: the objects refer to single-frame images")
    if missing := [link for link in _LINKS if not UID(str(header.get(link) or "")).is_valid]:
        raise Unusable("skipped", f"{name} has no valid {', '.join(missing)} to refer to")
    size = mammogram["original_height"], mammogram["original_width"]
    if (header.Rows, header.Columns) != size:
        raise Unusable("failed", f"{name} has {header.Rows} x {header.Columns} pixels, not {size}")
    taken = Dataset()
    for keyword in (*_LINKS, *_KEPT):
        if keyword in header and _is_plain(header[keyword]):
            taken[keyword] = header[keyword]
    if taken.get(_REMOVED) == "YES":
        taken.DeidentificationMethod = "as the source image says"
    for keyword in _IDENTIFYING:
        setattr(taken, keyword, str(header.get(keyword) or "") if identified else "")
    taken.setdefault("PatientID", "")
    taken.SpecificCharacterSet = "ISO_IR 192"  # UTF-8; texts are decoded above
    return taken


def _is_plain(element: DataElement) -> bool:
    words = _WORDS.get(element.keyword)
    values = element.value if element.VM > 1 else [element.value]
    return words is None or all(re.fullmatch(words, str(value)) for value in values)
