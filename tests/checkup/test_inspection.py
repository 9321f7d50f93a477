"""Inspecting one file: the decision of preprocess, the facts behind it, what is written."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.checkup import inspection as checkup
from pipeline.checkup.inspection import Known, inspect_file, known_file
from pipeline.config import DataSettings, DicomSettings, ImageSettings, Settings
from pipeline.ingest.catalog import make_catalog, write_catalog
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import Lost
from pipeline.run.settings import given_overrides, joined
from tests.dicom_samples import write_mammogram

SETTINGS = Settings(image=ImageSettings(spacing_mm=0.8))


def film() -> np.ndarray:
    """A breast of 200 x 100 pixels on the left, 12 bit."""
    rows, cols = np.mgrid[:220, :160]
    inward = 1 - np.hypot((rows - 110) / 100, cols / 100)
    light = np.where(inward > 0, 1000 + 2000 * inward, 100)
    noise = np.random.default_rng(5).normal(0, 20, light.shape)
    return np.clip(light + noise, 0, 4095).astype(np.uint16)


def negative() -> np.ndarray:
    """The same with bright air, as MONOCHROME1 has it."""
    return 4095 - film()


def write_film(path: Path, **values) -> Path:
    given = {"ImagerPixelSpacing": [0.8, 0.8], "BitsStored": 12, **values}
    return write_mammogram(path, film(), **given)


@pytest.fixture
def in_this_process(monkeypatch):
    """The worker's tasks without a worker, which would take seconds to start."""
    monkeypatch.setattr(
        checkup, "map_images", lambda function, tasks, **limits: [function(t) for t in tasks]
    )


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A mammogram that is used, inspected in a real worker, and the folder of what is written."""
    root = tmp_path_factory.mktemp("used")
    path = write_film(
        root / "a.dcm",
        PixelData=negative().tobytes(),
        PhotometricInterpretation="MONOCHROME1",
        WindowCenter=2048,
        WindowWidth=4096,
        PresentationIntentType="FOR PRESENTATION",
        Manufacturer="Maker",
    )
    return inspect_file(Known(path), SETTINGS, folder=root / "out"), root / "out"


def test_a_mammogram_is_used_and_its_facts_are_told(used):
    seen, _ = used
    assert (seen.status, seen.reason, seen.otherwise) == ("used", "", "")
    facts = seen.facts
    assert facts["codec"] == "uncompressed"
    assert facts["transfer syntax"] == "Explicit VR Little Endian (1.2.840.10008.1.2.1)"
    assert facts["pixels"] == "220 rows x 160 columns"
    assert facts["bits"] == "12 of 16, high bit 11, unsigned"
    assert facts["window"] == "LINEAR 2048/4096"
    assert facts["polarity"] == "MONOCHROME1"
    assert facts["intent"] == "FOR PRESENTATION"
    assert facts["spacing"] == "0.8 mm, from Imager Pixel Spacing"
    assert facts["side"] == "L, from Image Laterality"
    assert facts["view"] == "CC, from View Position"
    assert facts["scanner"] == "Maker"


def test_the_arrays_are_the_stored_values_and_the_presentation_values(used):
    _, folder = used
    stored, shown = np.load(folder / "stored.npy"), np.load(folder / "presentation.npy")
    assert np.array_equal(stored, negative())
    assert shown.dtype == np.float32
    expected = 1 - np.clip((negative() - 2047.5) / 4095 + 0.5, 0, 1)  # MONOCHROME1, LINEAR
    assert np.abs(shown - expected).max() < 1e-6


def test_the_picture_shows_the_edge_of_the_breast_in_green(tmp_path, in_this_process):
    path = write_film(tmp_path / "a.dcm")
    seen = inspect_file(Known(path), SETTINGS, folder=tmp_path / "out")
    assert "chest wall on the left" in seen.facts["breast"]
    picture = cv2.imread(str(tmp_path / "out" / "picture.png"))
    assert picture.shape == (220, 160, 3)
    green = (picture[..., 1].astype(int) - picture[..., 2]) > 60
    assert 90 < np.flatnonzero(green[110])[-1] < 106  # the breast ends at column 100


def test_what_is_told_is_written_as_json_and_every_file_named_is_there(used):
    seen, folder = used
    assert json.loads((folder / "inspection.json").read_text())["facts"] == seen.facts
    assert sorted(Path(file).name for file in seen.written) == [
        "inspection.json",
        "picture.png",
        "presentation.npy",
        "stored.npy",
    ]
    assert all(Path(file).is_file() for file in seen.written)


def test_nothing_is_left_behind_where_no_folder_is_given(tmp_path, in_this_process):
    path = write_film(tmp_path / "a.dcm")
    seen = inspect_file(Known(path), SETTINGS, folder=None)
    assert (seen.status, seen.written) == ("used", [])
    assert "chest wall" in seen.facts["breast"]
    assert [file.name for file in tmp_path.iterdir()] == ["a.dcm"]


def test_a_file_left_out_by_a_setting_is_shown_and_told_what_else_it_would_be(
    tmp_path, in_this_process
):
    path = write_film(tmp_path / "a.dcm", ViewPosition="ML", Modality="CR")
    seen = inspect_file(Known(path), SETTINGS, folder=tmp_path / "out")
    assert (seen.status, seen.reason) == ("skipped", "Modality is CR, not MG (dicom.modalities)")
    assert seen.otherwise == "used"
    assert seen.facts["view"].startswith("ML")
    assert (tmp_path / "out" / "picture.png").is_file()


def test_the_settings_of_the_run_decide(tmp_path, in_this_process):
    path = write_film(tmp_path / "a.dcm", ViewPosition="ML")
    tolerant = SETTINGS.model_copy(update={"dicom": DicomSettings(views="any")})
    assert inspect_file(Known(path), SETTINGS, folder=tmp_path / "o").status == "skipped"
    assert inspect_file(Known(path), tolerant, folder=tmp_path / "o").status == "used"


def test_a_picture_without_a_breast_failed_and_is_shown_all_the_same(tmp_path, in_this_process):
    even = np.full((100, 100), 7, np.uint16)
    path = write_mammogram(tmp_path / "a.dcm", even, ImagerPixelSpacing=[0.8, 0.8])
    seen = inspect_file(Known(path), SETTINGS, folder=tmp_path / "out")
    assert seen.status == "failed"
    assert seen.reason.startswith("no breast in it")
    assert seen.otherwise == ""
    assert (tmp_path / "out" / "picture.png").is_file()


@pytest.mark.parametrize("content", [b"", b"a letter, not a picture", b"\0" * 128 + b"DICM" + b"x"])
def test_any_file_gets_a_decision_and_its_size(tmp_path, in_this_process, content):
    path = tmp_path / "letter.dcm"
    path.write_bytes(content)
    seen = inspect_file(Known(path), SETTINGS, folder=tmp_path / "out")
    assert seen.status in ("skipped", "failed")
    assert seen.reason
    assert seen.facts["bytes"] == str(len(content))


def test_a_worker_that_dies_is_a_failure_with_its_reason(tmp_path, monkeypatch):
    path = write_film(tmp_path / "a.dcm")
    monkeypatch.setattr(checkup, "map_images", lambda *tasks, **limits: [Lost("it died")] * 2)
    seen = inspect_file(Known(path), SETTINGS, folder=tmp_path / "out")
    assert (seen.status, seen.reason, seen.otherwise) == ("failed", "it died", "")


def test_a_header_that_cannot_be_read_is_told_and_not_raised(
    tmp_path, in_this_process, monkeypatch
):
    def torn(*path, **options):
        raise EOFError("the header ends early")

    monkeypatch.setattr(checkup, "described", torn)
    seen = inspect_file(Known(write_film(tmp_path / "a.dcm")), SETTINGS, folder=tmp_path / "out")
    assert seen.otherwise == "failed: cannot be read: the header ends early"


def test_a_missing_file_is_an_error_of_the_user(tmp_path):
    with pytest.raises(UserError, match=r"none.dcm is not a file"):
        inspect_file(Known(tmp_path / "none.dcm"), SETTINGS, folder=tmp_path)


def test_the_text_has_decision_facts_notes_and_files_line_by_line(tmp_path, in_this_process):
    path = write_film(tmp_path / "a.dcm", Laterality="R", ViewPosition="ML")
    text = inspect_file(Known(path), SETTINGS, folder=tmp_path / "out").text()
    assert "  decision:         skipped: view ML (dicom.views)\n" in text
    assert "  let through:      used\n" in text
    assert "  note:             contradictory sides" in text
    assert f"  written:          {tmp_path / 'out' / 'picture.png'}\n" in text


def test_a_file_of_the_catalog_brings_its_spacing_and_is_found_by_its_own_name(tmp_path):
    settings = Settings(data=DataSettings(importer="mias", root=tmp_path))
    image = {"image_id": "w", "patient_id": "p", "dataset": "mias", "spacing_mm": 0.2}
    image |= {"source": "w.pgm", "file": str(tmp_path / "wrapped" / "w.dcm")}
    run = RunFolder(tmp_path / "run")
    catalog = make_catalog([image], [], [{"file": "w.pgm", "status": "candidate", "bytes": 1}])
    write_catalog(run, catalog, importer="mias", root="", fingerprint="")
    wrapped = Known(tmp_path / "wrapped" / "w.dcm", "w", 0.2)
    assert known_file(run, tmp_path / "w.pgm", settings) == wrapped
    assert known_file(run, wrapped.file, settings) == wrapped
    assert known_file(run, tmp_path / "v.pgm", settings) == Known(tmp_path / "v.pgm")


def test_a_spacing_that_only_the_catalog_knows_makes_the_file_usable(tmp_path, in_this_process):
    path = write_film(tmp_path / "a.dcm", ImagerPixelSpacing=None)
    unknown = inspect_file(Known(path), SETTINGS, folder=tmp_path / "out")
    assert "no pixel spacing" in unknown.reason
    assert unknown.facts["spacing"] == "none; shown as if it were 0.1 mm"
    known = inspect_file(Known(path, "a", 0.8), SETTINGS, folder=tmp_path / "out")
    assert known.status == "used"
    assert known.facts["image"] == "a"


def test_settings_come_from_the_command_over_what_the_run_remembers(tmp_path):
    (tmp_path / "c.yaml").write_text("dicom: {views: any}\n")
    run = RunFolder(tmp_path / "run")
    given = given_overrides("dicom.for_processing=true")
    settings, _ = joined(run, config=str(tmp_path / "c.yaml"), overrides=given)
    assert settings.dicom.views == "any"
    assert settings.dicom.for_processing
    assert not run.root.exists()
