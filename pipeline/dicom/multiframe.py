"""Files with several frames: which one is taken, and what its functional groups say."""

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from pipeline.config import DicomSettings
from pipeline.dicom.unusable import Unusable
from pipeline.dicom.values import number

# PS3.3 C.7.6.16.2: the macros whose attributes single-frame images have at the top.
_GROUPS = ("PixelMeasuresSequence", "PixelValueTransformationSequence", "FrameVOILUTSequence")


def chosen_frame(header: Dataset, settings: DicomSettings) -> int:
    """The number of the frame to read, from 0, by `dicom.frames`.

    Raises:
        Unusable: skipped, there are several.
    """
    count = int(number(header, "NumberOfFrames") or 1)
    if count <= 1:
        return 0
    match settings.frames:
        case "first":
            return 0
        case "middle":
            return count // 2
    raise Unusable("skipped", f"{count} frames (dicom.frames)")


def with_functional_groups(header: Dataset, frame: int) -> Dataset:
    """The header with spacing, rescaling and window of one frame at the top.

    What a frame says for itself goes before what all share, and that before the top.
    """
    shared = _items(header, "SharedFunctionalGroupsSequence")[:1]
    own = _items(header, "PerFrameFunctionalGroupsSequence")[frame : frame + 1]
    macros = [item for group in (*shared, *own) for name in _GROUPS for item in _items(group, name)]
    if not macros:
        return header
    flat = Dataset()
    flat.file_meta = header.file_meta
    for part in (header, *macros):
        flat.update(part)
    return flat


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    value = dataset.get(keyword)
    return list(value) if isinstance(value, Sequence) else []
