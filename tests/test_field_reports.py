"""Situations that users reported: every folder of field-reports gives what its README expects."""

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.config import DataSettings, DicomSettings, ImageSettings
from pipeline.dicom.mammogram import Mammogram, Unusable, read_mammogram
from pipeline.ingest.stage import ingest
from pipeline.preprocess.intake.stage import intake
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import build_settings, parse_set
from pipeline.run.stage import Stage
from tests.preprocess.four_women import done, stage

TESTS = Path(__file__).parent
# Those whose README gives no input but code that a test of a room has.
ELSEWHERE = {
    "15": "tracking/test_upload.py::test_what_was_deleted_in_mlflow_is_made_anew_or_named",
    "16": "tracking/test_pyfunc.py::test_models_of_two_versions_answer_each_with_its_own_code",
    "19": (
        "run/test_map_images.py::test_the_time_limit_of_an_item_is_none_for_what_is_imported_for_it"
    ),
}
# Runs each script named, as if it were by itself.
RUN_ALL = """
import runpy, sys
for sys.argv[0] in sys.argv[1:]:
    sys.modules.pop("common", None)
    runpy.run_path(sys.argv[0])
"""


@pytest.fixture(scope="module")
def reports(mammo_data, tmp_path_factory) -> dict[str, Path]:
    """The folder of each report by its number, and of `base`, with the inputs written."""
    root = tmp_path_factory.mktemp("reports")
    names = [path for path in (mammo_data / "field-reports").iterdir() if path.name != "README.md"]
    for path in names:
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, root / path.name)
    for number in range(1, 7):  # stands for the phantom of a project
        name = f"SYNTHETIC-{number:04d}"
        film = root / "project" / "data" / "phantom" / name / f"{name}-L-MLO.dcm"
        film.parent.mkdir(parents=True)
        shutil.copy(root / "base" / "phantom-L-MLO.dcm", film)
    scripts = [str(path) for path in sorted(root.glob("*/make_input.py"))]
    subprocess.run(
        [sys.executable, "-c", RUN_ALL, *scripts],
        env=os.environ | {"PROJECT": str(root / "project")},
        check=True,
        capture_output=True,
    )
    return {path.name.split("-")[0]: path for path in root.iterdir() if path.is_dir()}


def stage_on(tmp_path: Path, root: Path, **changed) -> Stage:
    return stage(
        tmp_path, data=DataSettings(importer="dicom", root=root, pseudonyms=False), **changed
    )


def read(path: Path, **settings) -> Mammogram:
    return read_mammogram(path, settings=DicomSettings(**settings))


def read_all(folder: Path) -> dict[str, Mammogram | str]:
    """By name of the file: what is read, or why not."""
    ends: dict[str, Mammogram | str] = {}
    for path in sorted(folder.glob("*.dcm")):
        try:
            ends[path.stem] = read(path)
        except Unusable as refused:
            ends[path.stem] = str(refused)
    assert ends
    return ends


@pytest.fixture(scope="module")
def whole(reports) -> Mammogram:
    """The mammogram of which the others are made."""
    return read(reports["base"] / "phantom-L-MLO.dcm")


def test_every_report_has_its_test(mammo_data):
    folders = (mammo_data / "field-reports").glob("[0-9]*")
    numbers = {path.name.split("-")[0] for path in folders}
    here = set(re.findall(r"^def test_(\d\d)_", Path(__file__).read_text(), re.MULTILINE))
    assert numbers == here | set(ELSEWHERE)
    for place in ELSEWHERE.values():
        file, name = place.split("::")
        assert f"def {name}(" in (TESTS / file).read_text()


def test_01_a_split_that_lost_its_zeros_stops_and_names_the_women(reports, tmp_path):
    with pytest.raises(UserError) as refused:
        ingest(stage_on(tmp_path, reports["01"] / "input"))
    for lost in ("'17'", "'523'", "'861'", "zeros in front"):
        assert lost in str(refused.value)


def specks(shape: tuple[int, int], count: int) -> np.ndarray:
    """Stray parts of one or two pixels each, far from each other."""
    mask = np.zeros(shape, np.uint8)
    rows, cols = np.divmod(np.arange(count), 6)
    mask[250 + 60 * rows, 340 + 60 * cols] = 255
    mask[250 + 60 * rows[::2], 341 + 60 * cols[::2]] = 255
    return mask


def test_02_stray_pixels_of_a_mask_change_no_label(tmp_path, reports, whole):
    picture = np.rint(whole.pixels * 65535).astype(np.uint16)
    lesion = cv2.circle(np.zeros(picture.shape, np.uint8), (250, 500), 42, 255, -1)
    masks = {"as-it-is": lesion | specks(lesion.shape, 54), "without-specks": lesion}
    share = 1 - np.count_nonzero(lesion) / np.count_nonzero(masks["as-it-is"])
    assert 0.012 < share < 0.016
    positions = {}
    for name, mask in masks.items():
        root = tmp_path / name / "woman"
        root.mkdir(parents=True)
        cv2.imwrite(str(root / "L-MLO.png"), picture)
        cv2.imwrite(str(root / "mask.png"), mask)
        line = "woman/L-MLO.png,mass,woman/mask.png"
        (root.parent / "findings.csv").write_text(f"file,kind,mask\n{line}\n")
        data = DataSettings(importer="ddsm", root=root.parent, spacing_mm=0.2, pseudonyms=False)
        here = stage(tmp_path, run=f"run-{name}", data=data, image=ImageSettings(spacing_mm=0.2))
        done(here)
        positions[name] = pd.read_parquet(here.run.positions)
        notes = pd.read_csv(here.run.intake, keep_default_na=False)["notes"]
        assert ("54 stray parts" in "".join(notes)) == (name == "as-it-is")
    labels = [table["label"].value_counts().to_dict() for table in positions.values()]
    assert labels[0] == labels[1]


def test_03_coordinates_that_are_shares_of_the_image_are_refused(reports, tmp_path):
    with pytest.raises(UserError, match=r"line 2: .* shares of the image"):
        ingest(stage_on(tmp_path, reports["03"] / "input"))


def test_04_patient_ids_stay_whole(reports, tmp_path):
    here = stage_on(tmp_path, reports["04"] / "input")
    assert "8 images of 8 patients" in ingest(here)
    patients = pd.read_csv(here.run.images_table)["patient_id"]
    assert {"HOSP_000101", "GRP_00042", "EXP_00042"} <= set(patients)


def test_05_a_window_that_hides_the_breast_is_left_out_and_one_that_clips_noted(reports, whole):
    ends = read_all(reports["05"] / "input")
    for hides in ("window-127-255-on-12-bit", "window-40-400-on-12-bit"):
        assert "left out (dicom.window)" in ends[hides].notes[0]
        np.testing.assert_allclose(ends[hides].pixels, whole.pixels, atol=1 / 4096)
    clips = ends["window-1024-2048-on-12-bit"]
    assert clips.window == "LINEAR 1024/2048"
    assert "of the breast black or white" in clips.notes[0]
    assert ends["plain-window-2048-4096"].notes == []


def test_06_a_negative_is_turned_round_and_a_contradiction_noted(reports, whole):
    ends = read_all(reports["06"] / "input")
    for name, mammogram in ends.items():
        np.testing.assert_allclose(mammogram.pixels, whole.pixels, atol=1 / 2048, err_msg=name)
    for negative in ("inverted-said-MONOCHROME2", "plain-said-MONOCHROME1"):
        assert "a negative, turned round" in ends[negative].notes[0]
    assert "contradictory polarities" in ends["MONOCHROME2-with-shape-INVERSE"].notes[0]


def test_07_a_value_that_is_written_wrongly_is_read_or_named(reports, whole):
    ends = read_all(reports["07"] / "input")
    assert ends.pop("spacing-three-values").startswith(
        r"failed: no pixel spacing that can be used: Imager Pixel Spacing '0.2\0\0.20000'"
    )
    mm = {name: mammogram.spacing_mm for name, mammogram in ends.items()}
    assert mm == pytest.approx(
        {
            "magnification-1,5": 0.2 / 1.5,
            "slope-0,5": 0.2,
            "spacing-0,2": 0.2,
            "spacing-with-VR-UT": 0.2,
        }
    )
    assert all("read as" in mammogram.notes[0] for mammogram in ends.values())
    np.testing.assert_allclose(ends["slope-0,5"].pixels, whole.pixels, atol=1 / 1024)


def test_08_a_header_that_ends_early_is_a_lost_mammogram(reports, tmp_path):
    ends = read_all(reports["08"] / "input")
    assert len(ends) == 6
    for end in ends.values():
        assert end.startswith("failed: the header ends before the image's description")


def test_10_what_follows_the_end_of_a_stream_is_no_part_of_it(reports, whole):
    ends = read_all(reports["10"] / "input")
    assert {mammogram.pixel_sha256 for mammogram in ends.values()} == {whole.pixel_sha256}
    assert len(ends) == 4


def test_11_an_icon_whose_lengths_are_too_short_does_not_swallow_the_pixels(reports, whole):
    (mammogram,) = read_all(reports["11"]).values()
    assert mammogram.pixel_sha256 == whole.pixel_sha256
    assert any("Icon Image Sequence has a wrong length" in note for note in mammogram.notes)


def test_20_good_files_are_read_where_the_header_is_trusted_or_the_pixels_are(reports, whole):
    folder = reports["20"] / "input"
    ends = read_all(folder)
    assert ends["j2k-signed-stream-unsigned-header"].pixel_sha256 == whole.pixel_sha256
    assert "SET=dicom.trust=values" in ends["bits-stored-10-values-of-12"]
    trusted = read(folder / "bits-stored-10-values-of-12.dcm", trust=("values",))
    assert trusted.pixel_sha256 == whole.pixel_sha256


def test_doubtful_grey_values_are_shown_and_lost_files_stop_the_run(reports, tmp_path):
    numbers = ("05", "06", "07", "08", "20")
    files = [path for n in numbers for path in (reports[n] / "input").iterdir()]
    given = tmp_path / "files.txt"
    given.write_text("\n".join(map(str, files)))
    here = stage_on(tmp_path, given)
    ingest(here)
    with pytest.raises(UserError, match="8 of 20 mammograms failed"):
        intake(here)
    reasons = "".join(pd.read_csv(here.run.intake, keep_default_na=False)["reason"])
    assert "SET=dicom.trust=values" in reasons
    assert "SET=data.spacing_mm=" in reasons
    page = here.run.intake_page.read_text()
    for doubtful in ("window-127-255-on-12-bit", "inverted-said-MONOCHROME2"):
        assert re.search(rf"<figure[^>]*>(?:(?!</figure>).)*{doubtful}", page, re.DOTALL)


def test_13_an_upload_that_stops_halfway_goes_on_in_the_same_runs(reports, tmp_path, monkeypatch):
    from pipeline.tracking.outage import what_helps
    from pipeline.tracking.upload import upload

    run = RunFolder(tmp_path / "mine")
    events = EventLog(run, "ingest")
    events.start(settings={}, commit="abc", dirty=False)
    events.metrics({"images": 3})
    events.finish(status="finished", seconds=2.0, peak_mib=10.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (reports["13"] / "server.py").read_text().replace("5088", str(port))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        while server.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        for _ in range(3):
            with pytest.raises(Exception, match=r"503|database is locked") as outage:
                upload(run)
            assert "make track RUN=" in what_helps(outage.value, run.root)
    finally:
        server.terminate()
        said, _ = server.communicate()
    assert [line.split()[2] for line in said.splitlines()] == ["mine", "mine/ingest"]


@pytest.mark.parametrize(
    "given",
    [
        '"data.root=/data/INbreast Release 1.0"',
        "data.root='/data/INbreast Release 1.0'",
        r"data.root=/data/INbreast\ Release\ 1.0",
        "data.root=/data/a,b",
    ],
)
def test_18_a_folder_with_blanks_or_a_comma_can_be_named(given):
    settings = build_settings(TESTS.parent / "configs" / "inbreast.yaml", parse_set(given))
    assert str(settings.data.root) == shlex.split(given)[0].removeprefix("data.root=")
