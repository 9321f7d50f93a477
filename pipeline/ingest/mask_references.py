"""What a mask that is a DICOM object, such as a segmentation, says of the image that it is of."""

import contextlib
from collections.abc import Mapping, Set
from pathlib import Path

from pipeline.dicom.file_format import DICOM_ERRORS, is_dicom, read_dicom
from pipeline.ingest.headers import FILES_FOR_A_WORKER, within_limits
from pipeline.ingest.importers import Request
from pipeline.run.errors import UserError
from pipeline.run.map_images import Lost
from pipeline.run.object_path import place

_REFERENCED = 0x00081155  # Referenced SOP Instance UID
_REFERENCES = (
    *("ReferencedSeriesSequence", "SourceImageSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)


def check_references(
    request: Request, findings: Mapping[str, list[dict]], uids: Mapping[str, Set[str]]
) -> None:
    """Refuse a mask that refers to another image of the folder than the table gives it to.

    What refers to no image of the folder has got other UIDs, as anonymisation gives them.

    Args:
        findings: by image id.
        uids: SOP Instance UIDs of the files that an image is in, by image id.

    Raises:
        UserError: names both images.
    """
    masks = [
        (image_id, finding["coordinates"]["file"])
        for image_id, of_image in findings.items()
        for finding in of_image
        if finding["geometry"] == "mask" and _may_refer(place(finding["coordinates"]["file"]))
    ]
    if not masks:
        return
    image_of = {uid: image_id for image_id, own in uids.items() for uid in own}
    read = within_limits(
        request.limits,
        _referred_to,
        [place(file) for _, file in masks],
        for_a_worker=FILES_FOR_A_WORKER,
        title="reading what masks refer to",
    )
    for (image_id, file), found in zip(masks, read, strict=True):
        referred = set() if isinstance(found, Lost) else {image_of.get(uid, "") for uid in found}
        if others := sorted(referred - {"", image_id} if image_id not in referred else ()):
            raise UserError(
                f"The mask {file} says that it is of image {others[0]}, and the table of findings "
                f"gives it to image {image_id}. Give each image its own."
            )


def _may_refer(path: Path) -> bool:
    with contextlib.suppress(OSError):  # told where its pixels are read
        return is_dicom(path)
    return False


def _referred_to(path: Path) -> set[str]:
    """SOP Instance UIDs of the images that a DICOM object refers to."""
    try:
        data = read_dicom(path, header_only=True, tags=_REFERENCES)
        return {str(each.value) for each in data.iterall() if each.tag == _REFERENCED}
    except (OSError, *DICOM_ERRORS):
        return set()
