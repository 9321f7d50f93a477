"""The judgement about a machine, from what was found there."""

import os
import subprocess
from pathlib import Path

import pytest

from pipeline.checkup.machine import (
    NOTE,
    OK,
    PROBLEM,
    Check,
    Folder,
    data_check,
    decoding_checks,
    folder_checks,
    gpu_check,
    memory_check,
    needed_bytes,
    system_check,
    verdict,
    version_checks,
)
from pipeline.config import DataSettings, ImageSettings, Settings
from pipeline.dicom.readable_syntaxes import Readable

GB = 1e9
ROOT = Path(__file__).parents[2]


def states(checks) -> list[str]:
    return [check.state for check in checks]


def test_a_syntax_that_cannot_be_read_is_a_problem_with_its_reason():
    (good, bad) = decoding_checks(
        [Readable("JPEG Lossless (4.70)", "liblj92", ""), Readable("HTJ2K", "", "no decoder")]
    )
    assert (good.state, good.text) == (OK, "JPEG Lossless (4.70): liblj92")
    assert (bad.state, bad.text) == (PROBLEM, "HTJ2K: no decoder")
    assert "make setup" in bad.advice


@pytest.mark.parametrize("system", ["Darwin", "Windows", ""])
def test_another_system_than_linux_is_a_problem_that_says_what_to_do(system):
    check = system_check(system)
    assert (check.state, check.text) == (PROBLEM, f"{system or 'unknown'}, Linux is needed")
    assert "WSL" in check.advice
    assert system_check("Linux").state == OK


@pytest.mark.parametrize(
    ("python", "state"), [((3, 10), PROBLEM), ((3, 11), OK), ((3, 13), OK), ((3, 14), PROBLEM)]
)
def test_python_3_11_to_3_13_will_do(python, state):
    assert states(version_checks(python, {}, {})) == [state]


def test_a_version_that_the_lock_file_does_not_name_is_noted():
    locked = {"numpy": {"2.4.6"}, "scipy": {"1.17.1", "1.18.1"}, "pydicom": {"3.0.2"}}
    installed = {"numpy": "2.4.6", "scipy": "1.18.1", "pydicom": "2.0.0", "other": "1"}
    checks = version_checks((3, 12), installed, locked)
    assert states(checks) == [OK, NOTE, OK]
    assert checks[1].text == "pydicom is 2.0.0, the lock file says 3.0.2"
    assert checks[2].text == "as in the lock file: numpy 2.4.6, scipy 1.18.1"


@pytest.mark.parametrize(
    ("driver", "tensorflow", "state", "words"),
    [
        ([], [], NOTE, "none"),
        (["GPU 0: NVIDIA H200"], ["GPU:0"], OK, "NVIDIA H200: TensorFlow sees 1"),
        (["GPU 0: NVIDIA H200"], [], PROBLEM, "TensorFlow sees none"),
        ([], None, PROBLEM, "TensorFlow cannot be imported"),
    ],
)
def test_gpus_of_the_driver_must_be_seen_by_tensorflow(driver, tensorflow, state, words):
    check = gpu_check(driver, tensorflow)
    assert check.state == state
    assert words in check.text


@pytest.mark.parametrize(
    ("gigabytes", "workers", "state"),
    [(0.2, 1, PROBLEM), (0.8, 2, OK), (8, 64, PROBLEM)],
)
def test_memory_must_suffice_for_the_workers(gigabytes, workers, state):
    assert memory_check(4, gigabytes * GB, workers=workers).state == state


def folder(name="store", *, device=1, free=10.0, needed=1.0, writable=True) -> Folder:
    return Folder(name, f"{name}.root", Path(name), device, free * GB, writable, needed * GB, "it")


def test_a_disk_must_hold_what_all_its_folders_need():
    assert states(folder_checks([folder(needed=4), folder("run", needed=4)])) == [OK, OK]
    both = folder_checks([folder(needed=6), folder("run", needed=6)])
    assert states(both) == [PROBLEM, PROBLEM]
    assert (
        both[0].text
        == "store store: 10 GB free, about 6.0 GB needed for it (12 GB by all on this disk)"
    )
    apart = folder_checks([folder(needed=6), folder("run", device=2, needed=6)])
    assert states(apart) == [OK, OK]


def test_a_folder_that_cannot_be_written_names_the_setting_that_moves_it():
    (check,) = folder_checks([folder(writable=False)], topic="MLflow")
    assert (check.topic, check.state) == ("MLflow", PROBLEM)
    assert "store.root" in check.advice


def test_a_folder_that_needs_nothing_fits_on_a_full_disk():
    (check,) = folder_checks([folder(free=0.0, needed=0.0)])
    assert check.state == OK


def test_the_store_takes_what_the_spacing_asks_for():
    fine, coarse = (
        needed_bytes(Settings(image=ImageSettings(spacing_mm=mm)), 1000, mapped=0)["store"]
        for mm in (0.1, 0.2)
    )
    assert fine == pytest.approx(4 * coarse)
    assert 2 * GB < fine < 5 * GB


def test_every_heatmap_takes_room_in_the_run():
    none, many = (needed_bytes(Settings(), 0, mapped=mapped)["run"] for mapped in (0, 1000))
    assert many - none == pytest.approx(0.8 * GB)


def test_data_that_are_not_there_are_a_problem_unless_they_are_made():
    own = Settings(data=DataSettings(importer="dicom", root=Path("no/such")))
    assert data_check(own, is_there=False, images=None).state == PROBLEM
    assert data_check(own, is_there=True, images=None).state == NOTE
    assert data_check(own, is_there=False, images=7).text == (
        "no/such: 7 mammograms, by the catalog of the run"
    )
    assert data_check(Settings(), is_there=False, images=None).state == OK


def test_the_last_line_is_ready_or_counts_the_problems():
    assert verdict([Check("x", OK, ""), Check("x", NOTE, "")]) == "Ready."
    assert verdict([Check("x", PROBLEM, "")]) == "Not ready: 1 problem, see above."
    assert verdict([Check("x", PROBLEM, "")] * 2) == "Not ready: 2 problems, see above."


def test_the_set_up_refuses_another_system_and_names_what_to_use(tmp_path):
    (tmp_path / "uname").write_text("#!/bin/sh\necho Darwin\n")
    (tmp_path / "uname").chmod(0o755)
    ended = subprocess.run(
        [ROOT / "scripts" / "set_up.sh", tmp_path / "venv", "requirements.lock"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("Linux is needed, and this is Darwin.")
    assert "WSL" in ended.stderr
    assert not (tmp_path / "venv").exists()
