import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import Unusable, read_mammogram
from tests.dicom_samples import write_mammogram

PICTURES = np.arange(5 * 64, dtype=np.uint16).reshape(5, 8, 8)


def write_frames(path, **values):
    values = {"NumberOfFrames": 5, "PixelData": PICTURES.tobytes()} | values
    return write_mammogram(path, PICTURES[0], **values)


def read(path, **settings):
    return read_mammogram(path, settings=DicomSettings(**settings))


def macro(keyword: str, **values) -> Dataset:
    """A functional group with one macro."""
    item, group = Dataset(), Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    setattr(group, keyword, [item])
    return group


def test_a_file_with_several_frames_is_skipped_unless_a_policy_says_which(tmp_path):
    path = write_frames(tmp_path / "a.dcm")
    with pytest.raises(Unusable, match=r"skipped: 5 frames \(dicom.frames\)"):
        read(path)


@pytest.mark.parametrize(("policy", "frame"), [("first", 0), ("middle", 2)])
def test_the_policy_names_the_frame_that_is_read(tmp_path, policy, frame):
    mammogram = read(write_frames(tmp_path / "a.dcm"), frames=policy)
    np.testing.assert_allclose(mammogram.pixels * 65535, PICTURES[frame], atol=1e-2)
    assert mammogram.frame == frame


@pytest.mark.parametrize("policy", ["skip", "first", "middle"])
@pytest.mark.parametrize("count", [None, 0, 1, ""])
def test_a_single_frame_is_read_with_every_policy(tmp_path, policy, count):
    values = {} if count is None else {"NumberOfFrames": count}
    path = write_mammogram(tmp_path / "a.dcm", PICTURES[0], **values)
    assert read(path, frames=policy).frame == 0


def test_only_the_chosen_frame_is_read_from_the_file(tmp_path):
    """A file that holds 64 GiB is read like one that does not."""
    path = write_frames(tmp_path / "a.dcm", syntax=ImplicitVRLittleEndian, NumberOfFrames=2**20)
    data = path.read_bytes()
    start = data.rindex(PICTURES.tobytes())
    huge = data[: start - 4] + (2**32 - 2).to_bytes(4, "little") + PICTURES.tobytes()
    with path.open("wb") as stream:
        stream.write(huge)
        stream.truncate(2**36)  # sparse: it takes no room on the disk
    mammogram = read(path, frames="first")
    np.testing.assert_allclose(mammogram.pixels * 65535, PICTURES[0], atol=1e-2)


def test_frames_that_are_announced_and_not_there_fail(tmp_path):
    path = write_frames(tmp_path / "a.dcm", NumberOfFrames=20)
    with pytest.raises(Unusable, match="failed: Pixel Data is cut off: 0 of 128 bytes"):
        read(path, frames="middle")


def test_functional_groups_say_the_spacing_side_and_window_of_a_frame(tmp_path):
    shared = macro("PixelMeasuresSequence", PixelSpacing=[0.2, 0.2])
    shared.update(macro("FrameAnatomySequence", FrameLaterality="R"))
    windows = [
        macro("FrameVOILUTSequence", WindowCenter=30 + index, WindowWidth=50)
        for index in range(1, 6)
    ]
    path = write_frames(
        tmp_path / "a.dcm",
        ImagerPixelSpacing=None,
        ImageLaterality=None,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=windows,
    )
    mammogram = read(path, frames="first")
    assert (mammogram.spacing_mm, mammogram.laterality) == (0.2, "R")
    assert mammogram.laterality_source == "Frame Laterality"
    assert mammogram.window.startswith("LINEAR 31/50")
