import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom import dcmread

from pipeline.config import DataSettings, DicomSettings, Settings, StoreSettings
from pipeline.config.ingest import Importer
from pipeline.ingest.catalog import read_catalog
from pipeline.ingest.importers import MODULES
from pipeline.ingest.read_data_set import read_split
from pipeline.ingest.source_files import files_of, list_files
from pipeline.ingest.stage import _fingerprint, ingest, older_than_data
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.pseudonyms import PRIVATE, TABLE, original, original_path, private_folder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage, run_stage
from tests.dicom_samples import write_mammogram
from tests.fault_injection.child import inside
from tests.fault_injection.small_set import RUN, set_up, write_films

IN_THIS_PROCESS = DicomSettings(workers=0)


@pytest.fixture
def root(tmp_path) -> Path:
    for name, woman in (("a", "w1"), ("b", "w1"), ("c", "w2")):
        write_mammogram(tmp_path / "data" / f"{name}.dcm", PatientID=woman)
    return tmp_path / "data"


def stage(tmp_path: Path, dicom: DicomSettings = IN_THIS_PROCESS, **data) -> Stage:
    settings = Settings(
        data=DataSettings(
            **({"importer": "dicom", "root": tmp_path / "data", "pseudonyms": False} | data)
        ),
        store=StoreSettings(root=tmp_path / "store"),
        dicom=dicom,
    )
    run = RunFolder(tmp_path / "run")
    return Stage(run, settings, EventLog(run, "ingest"))


def test_the_first_time_writes_the_catalog_and_the_second_nothing(tmp_path, root):
    here = stage(tmp_path)
    assert ingest(here).startswith("3 files, 3 images of 2 patients, 0 findings")
    before = {path: path.stat().st_mtime_ns for path in here.run.catalog.parent.iterdir()}
    assert ingest(here).startswith("nothing changed (3 files")
    assert {p: p.stat().st_mtime_ns for p in here.run.catalog.parent.iterdir()} == before


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_files_that_came_later_make_the_catalog_older_for_make_status(tmp_path, root, pseudonyms):
    here = stage(tmp_path, pseudonyms=pseudonyms)
    remember(here.run, here.settings, Remembered())
    assert older_than_data(here.run) == ""  # not done
    ingest(here)
    assert older_than_data(here.run) == ""
    write_mammogram(root / "later.dcm", PatientID="w1")
    assert older_than_data(here.run).startswith(
        "older than the files of the data set (4 now, 3 then); the next make reads them"
    )
    ingest(here)
    assert older_than_data(here.run) == ""
    shutil.rmtree(root)  # a run whose data are elsewhere needs none
    assert older_than_data(here.run) == ""


def test_findings_without_a_place_are_counted(tmp_path, root):
    table = "file,kind,row,col,radius\na.dcm,mass,4,4,2\nb.dcm,mass,,,\nc.dcm,cyst,,,\n"
    (root / "findings.csv").write_text(table)
    assert "3 findings (2 without a place) from" in ingest(stage(tmp_path))


def test_a_touched_file_changes_the_fingerprint_and_a_new_one_the_tables(tmp_path, root):
    here = stage(tmp_path)
    ingest(here)
    first = json.loads(here.run.catalog.read_text())
    os.utime(root / "a.dcm", ns=(1, 1))
    ingest(here)
    second = json.loads(here.run.catalog.read_text())
    assert first["fingerprint"] != second["fingerprint"]
    assert first["tables"] == second["tables"]
    write_mammogram(root / "d.dcm", PatientID="w3")
    assert ingest(here).startswith("4 files")


@pytest.mark.parametrize("named", ["tables", "tables/findings.csv"])
def test_a_changed_table_outside_the_root_changes_the_fingerprint(tmp_path, root, named):
    """data.findings may be a file or, for some importers, a folder."""
    table = tmp_path / "tables" / "findings.csv"
    table.parent.mkdir()
    table.write_text("file,kind\na.dcm,mass\n")
    settings = stage(tmp_path, findings=tmp_path / named).settings
    before = _fingerprint(list_files(root), settings)
    os.utime(table, ns=(1, 1))
    assert _fingerprint(list_files(root), settings) != before


def test_a_missing_table_or_image_is_made_again(tmp_path, root):
    (root / "split.csv").write_text("patient_id,split\nw1,test\n")
    here = stage(tmp_path)
    ingest(here)
    for table in (here.run.findings_table, here.run.split_table):
        table.unlink()
        assert not ingest(here).startswith("nothing changed")
        assert table.is_file()


def test_a_limit_takes_the_first_patients(tmp_path, root):
    assert "3 files, 2 images of 1 patients" in ingest(stage(tmp_path, limit=1))


def test_the_users_split_is_a_table_of_the_catalog_while_there_is_one(tmp_path, root):
    (root / "split.csv").write_text("patient_id,split\nw1,test\nw2,train\nw9,train\n")
    here = stage(tmp_path)
    ingest(here)
    assert here.run.split_table.read_text() == "patient_id,split\nw1,test\nw2,train\n"
    assert read_catalog(here.run).split == {"w1": "test", "w2": "train"}
    assert "split.csv" in json.loads(here.run.catalog.read_text())["tables"]
    here.run.split_table.unlink()
    ingest(here)
    assert here.run.split_table.is_file()
    (root / "split.csv").unlink()
    ingest(here)
    assert not here.run.split_table.exists()
    assert read_catalog(here.run).split == {}


def test_a_split_table_from_a_european_spreadsheet_is_read(tmp_path):
    path = tmp_path / "split.csv"
    for separator in ";\t":
        lines = ["Patient_ID;Split", "w1;Test", ";", ""]
        path.write_text("\r\n".join(lines).replace(";", separator), "utf-8-sig")
        assert read_split(path) == {"w1": "test"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "patient,split\nw1,test\n",
            "lacks the columns patient_id. Give a CSV of patient_id,split",
        ),
        ("patient_id,split\nw1,test\n,train\n", "line 3: patient_id is blank"),
        ("patient_id,split\nw1,dev\n", "line 2: split must be one of"),
        ("patient_id,split\nw1,test\nw1,train\n", "line 3: patient w1 is in test and train"),
    ],
)
def test_a_wrong_split_table_is_refused(tmp_path, text, message):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_split(tmp_path / "split.csv")


ZEROS = {"00017": "test", "00523": "test", "10234": "train", "20456": "train"}


def women(tmp_path: Path, *patients: str) -> None:
    for number, woman in enumerate(patients):
        write_mammogram(tmp_path / "data" / f"{number}.dcm", PatientID=woman)


@pytest.mark.parametrize("place", ["data/split.csv", "tables/split.csv"])
def test_a_split_that_lost_its_zeros_is_refused_with_the_patients(tmp_path, place):
    """Two women whom the user reserved for the test would be split by hash."""
    women(tmp_path, *ZEROS)
    table = tmp_path / place
    table.parent.mkdir(exist_ok=True)
    table.write_text("patient_id,split\n" + "".join(f"{int(w)},{p}\n" for w, p in ZEROS.items()))
    given = {} if place.startswith("data") else {"split": table}
    with pytest.raises(UserError, match=r"split\.csv: 2 of its 4 patients are none of") as error:
        ingest(stage(tmp_path, **given))
    assert "'17' is almost '00017' (zeros in front)" in str(error.value)
    assert "'523' is almost '00523'" in str(error.value)


@pytest.mark.parametrize("wrong", ["W1", "w 1", "w1.dcm", "w1_L", "w-1"])
def test_a_split_of_almost_the_right_patients_is_refused(tmp_path, wrong):
    women(tmp_path, "w1", "w2")
    (tmp_path / "data" / "split.csv").write_text(f"patient_id,split\n{wrong},test\nw2,train\n")
    with pytest.raises(UserError, match=f"{wrong!r} is almost 'w1'"):
        ingest(stage(tmp_path))


def test_a_woman_in_two_parts_under_two_spellings_is_refused(tmp_path):
    women(tmp_path, *ZEROS)
    lines = "".join(f"{woman},{part}\n" for woman, part in ZEROS.items())
    (tmp_path / "data" / "split.csv").write_text(f"patient_id,split\n{lines}17,train\n")
    with pytest.raises(UserError, match=r"in another part of it. '17' is almost '00017'"):
        ingest(stage(tmp_path))


def test_a_split_of_other_ids_says_how_they_are_written(tmp_path):
    women(tmp_path, "w1", "w2")
    (tmp_path / "data" / "split.csv").write_text("patient_id,split\n1,test\n")
    with pytest.raises(UserError, match="names none of the patients, which are called 'w1'"):
        ingest(stage(tmp_path))


def test_patients_of_the_split_that_are_not_there_are_counted_in_a_note(tmp_path, root, capsys):
    table = "patient_id,split\nw1,test\nw2,train\nW2,train\nw9,train\n"
    (root / "split.csv").write_text(table)
    here = stage(tmp_path)
    ingest(here)
    (note,) = read_catalog(here.run).notes
    assert note.startswith("2 of the 4 patients in ") and note.endswith(
        "have no image in the data set: 'W2' (almost 'w2': capitals), 'w9'"
    )
    assert f"note: {note}" in capsys.readouterr().out


def test_a_note_on_ids_is_kept_with_the_catalog(tmp_path):
    women(tmp_path, "w1", "ANONYMOUS", "ANONYMOUS", "W1")
    here = stage(tmp_path)
    ingest(here)
    several, twice = read_catalog(here.run).notes
    assert "several women: 'ANONYMOUS' (2 images)" in several
    assert "one woman twice: 'W1' and 'w1' (capitals)" in twice


def test_a_catalog_without_doubts_has_no_notes(tmp_path, root):
    here = stage(tmp_path)
    ingest(here)
    assert "notes" not in json.loads(here.run.catalog.read_text())


@pytest.mark.parametrize(
    "name",
    ["Split.CSV", "splits.csv", "split.xlsx", "finding.csv", "my_split (1).csv", "split.csv.txt"],
)
def test_a_table_under_another_name_is_not_passed_over_in_silence(tmp_path, root, name):
    (root / name).write_text("patient_id,split\nw1,test\n")
    here = stage(tmp_path)
    ingest(here)
    (note,) = read_catalog(here.run).notes
    assert note.startswith(f"{name} is not read: the table must be called")


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Patient_ID;Split\nw1;test\n", "split"), ("file,kind\nb.dcm,mass\n", "findings")],
)
def test_a_table_that_is_known_by_its_columns_is_not_passed_over(tmp_path, root, text, kind):
    (root / "women.csv").write_text(text)
    (root / "other.csv").write_text("patient_id,age\nw1,50\n")
    here = stage(tmp_path)
    ingest(here)
    (note,) = read_catalog(here.run).notes
    assert note.startswith(f"women.csv is not read: the table must be called {kind}.csv")


def test_a_table_of_findings_for_an_importer_that_reads_none_is_refused(tmp_path, root):
    with pytest.raises(UserError, match="importer inbreast takes no table of findings"):
        ingest(stage(tmp_path, importer="inbreast", findings=root / "findings.csv"))


def test_a_missing_root_says_which_setting_names_it(tmp_path):
    with pytest.raises(UserError, match=r'SET="data.root=FOLDER"'):
        ingest(stage(tmp_path, root=tmp_path / "nowhere"))


def test_a_single_file_is_a_data_set(tmp_path, root):
    assert ingest(stage(tmp_path, root=root / "b.dcm")).startswith("1 files, 1 images of 1 pat")
    assert list(read_catalog(RunFolder(tmp_path / "run")).files["file"]) == ["b.dcm"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.txt", "# mine\n\nb.dcm\nsub folder/d, e.dcm\nb.dcm\n"),
        ("list.csv", 'file;kind\nb.dcm;mass\n"sub folder/d, e.dcm";mass\n'),
    ],
)
def test_a_list_of_files_is_a_data_set(tmp_path, root, name, text):
    write_mammogram(root / "sub folder" / "d, e.dcm", PatientID="w3")
    (root / name).write_text(text)
    here = stage(tmp_path, root=root / name)
    assert ingest(here).startswith("2 files, 2 images of 2 patients")
    assert list(read_catalog(here.run).files["file"]) == ["b.dcm", "sub folder/d, e.dcm"]
    assert ingest(here).startswith("nothing changed")
    (root / name).write_text(text.replace("b.dcm", f"{root}/c.dcm"))
    assert ingest(here).startswith("2 files")
    assert list(read_catalog(here.run).files["file"]) == ["c.dcm", "sub folder/d, e.dcm"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("b.dcm\n../x.dcm\n", r"list\.txt, line 2: '\.\./x\.dcm' is no file"),
        ("/tmp\n", "line 1: '/tmp' is a folder; name the files in it"),
        ("# nothing\n", "names no file"),
    ],
)
def test_a_list_that_names_no_file_is_refused_with_the_line(tmp_path, root, text, message):
    (root / "list.txt").write_text(text)
    with pytest.raises(UserError, match=message):
        ingest(stage(tmp_path, root=root / "list.txt"))


def test_results_inside_the_data_are_refused(tmp_path, root):
    with pytest.raises(UserError, match=r"lies inside data\.root"):
        ingest(stage(tmp_path, root=tmp_path))


def test_a_folder_without_images_is_refused_with_the_reasons(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("x")
    with pytest.raises(UserError, match="1 x a table or text"):
        ingest(stage(tmp_path))


def test_hidden_and_linked_files_are_listed_and_linked_folders_and_pipes_named(tmp_path):
    (tmp_path / "in" / ".git").mkdir(parents=True)
    (tmp_path / "in" / ".git" / "x").write_text("1")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "y").write_text("22")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out" / "y")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "broken").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "in" / "pipe.dcm")
    listing = list_files(tmp_path / "in")
    assert [(file.name, file.size) for file in listing.files] == [(".git/x", 1), ("link", 2)]
    assert listing.not_entered == ("folder", "pipe.dcm")
    assert [file.name for file in listing.broken_links] == ["broken"]
    with pytest.raises(UserError, match="neither a file nor a folder"):
        files_of(tmp_path / "in" / "pipe.dcm")


def test_what_may_hold_images_or_findings_and_is_not_read_is_told(tmp_path, root, capsys):
    gsps, sr, pdf = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("11.1", "88.33", "104.1"))
    none = {"Rows": None, "Columns": None}
    for name, kind in (("pr1", gsps), ("pr2", gsps), ("sr", sr), ("pdf", pdf)):
        write_mammogram(root / name, SOPClassUID=kind, **none)
    write_mammogram(root / "seg", SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4")
    write_mammogram(root / "as-image", SOPClassUID=gsps)  # the reader says what it is
    (root / "w3.zip").write_bytes(b"PK\3\4" + bytes(200))
    (tmp_path / "elsewhere").mkdir()
    (root / "w4").symlink_to(tmp_path / "elsewhere")
    here = stage(tmp_path)
    assert ingest(here).endswith("1 linked folders, pipes or devices not entered, such as w4")
    catalog = read_catalog(here.run)
    told = [
        "1 archives are not opened: w3.zip; unpack what has images",
        "what DICOM objects beside the images say of findings is not read (1 Comprehensive SR "
        "Storage, 2 Grayscale Softcopy Presentation State Storage, 1 Segmentation Storage): write "
        "it into findings.csv (docs/findings-csv.md)",
        "1 linked folders, pipes or devices not entered, such as w4",
    ]
    assert list(catalog.notes) == told
    assert f"note: {told[0]}\nnote: {told[1]}\n" in capsys.readouterr().out
    files = catalog.files.set_index("file")
    assert files.loc["pdf", "reason"] == "no image in it: Encapsulated PDF Storage"
    assert files.loc["as-image", "status"] == "candidate"
    assert len(catalog.images) == 4


def test_links_to_files_that_are_not_there_are_lost_images(tmp_path, root):
    ingest(stage(tmp_path))
    (root / "gone.dcm").symlink_to(tmp_path / "annex" / "x")
    (root / "gone.csv").symlink_to(tmp_path / "annex" / "y")
    assert "nothing changed" not in ingest(stage(tmp_path))
    rows = {row["file"]: row for _, row in read_text_table(stage(tmp_path).run.files_table).rows}
    assert (rows["gone.dcm"]["status"], rows["gone.csv"]["status"]) == ("failed", "skipped")
    assert rows["gone.dcm"]["reason"] == "a link to a file that is not there"
    assert "nothing changed" in ingest(stage(tmp_path))


def test_a_hospitals_names_are_in_no_table_and_lead_back_by_the_table_beside_the_key(tmp_path):
    root = tmp_path / "data"
    for woman in ("Miller-1", "Miller-2"):
        write_mammogram(root / "Ward-7" / f"{woman}.dcm", PatientID=woman)
    rows = "Ward-7/Miller-1.dcm,mass,1,1,1,Miller-X\n"
    (root / "findings.csv").write_text(f"file,kind,row,col,radius,site\n{rows}")
    (root / "split.csv").write_text("patient_id,split\nMiller-1,test\n")
    (root / "my_split.csv").write_text("")
    here = stage(tmp_path, pseudonyms=True)
    ingest(here)
    written = [path.read_text() for path in here.run.root.rglob("*") if path.is_file()]
    assert len(written) >= 5
    assert not [text for text in written if "Miller" in text or "Ward-7" in text]
    assert not [text for text in written if "my_split" in text or str(root) in text]
    catalog = read_catalog(here.run)
    assert {original(name) for name in catalog.images["patient_id"]} == {"Miller-1", "Miller-2"}
    images = catalog.images.set_index("image_id")
    found = images.loc[catalog.findings["image_id"].item()]
    assert original(found["source"]) == "Ward-7/Miller-1.dcm"
    assert original_path(found["file"]) == root / "Ward-7" / "Miller-1.dcm"
    assert original(found["site"]) == "Miller-X"
    assert catalog.split == {found["patient_id"]: "test"}
    assert "nothing changed" in ingest(here)
    # The user's tables may as well say what the run says.
    split = f"patient_id,split\n{found['patient_id']},train\n"
    (root / "split.csv").write_text(split)
    (root / "findings.csv").write_text(f"image_id,kind\n{found.name},normal\n")
    ingest(here)
    again = read_catalog(here.run)
    assert again.split == {found["patient_id"]: "train"}
    assert again.images.set_index("image_id").loc[found.name, "outcome"] == "normal"


def test_the_pseudonym_of_the_folder_is_called_that(tmp_path, root):
    said = ingest(stage(tmp_path, pseudonyms=True))
    name = json.loads(stage(tmp_path).run.catalog.read_text())["root"]
    meant = f"the pseudonym of a folder, whose name is in {private_folder() / TABLE}"
    assert said.endswith(f"from {name} (private:... is {meant})")
    assert ingest(stage(tmp_path, pseudonyms=True)) == f"nothing changed ({said})"
    assert "private:" not in ingest(replace(stage(tmp_path), run=RunFolder(tmp_path / "open")))


def test_pictures_are_wrapped_under_pseudonyms(tmp_path):
    path = tmp_path / "data" / "Miller" / "Miller_LCC.png"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), np.arange(10_000, dtype=np.uint16).reshape(100, 100))
    here = stage(tmp_path, importer="ddsm", spacing_mm=0.2, pseudonyms=True)
    ingest(here)
    written = [p for top in ("run", "store") for p in (tmp_path / top).rglob("*") if p.is_file()]
    assert len(written) == 5
    assert not [p for p in written if "Miller" in p.name or b"Miller" in p.read_bytes()]
    image = read_catalog(here.run).images.iloc[0]
    wrapped = dcmread(original_path(image["file"]))
    assert (wrapped.PatientID, wrapped.ImageComments) == (image["patient_id"], image["image_id"])


def test_a_run_that_holds_the_names_themselves_gets_no_pseudonyms(tmp_path, root):
    ingest(stage(tmp_path))
    with pytest.raises(UserError, match=r"Take another RUN.*data.pseudonyms=false"):
        ingest(stage(tmp_path, pseudonyms=True))


def test_another_key_is_refused_where_a_run_goes_by_the_former(tmp_path, root, monkeypatch):
    ingest(stage(tmp_path, pseudonyms=True))
    monkeypatch.setenv(PRIVATE, str(tmp_path / "another"))
    with pytest.raises(UserError, match=r"by another key than that in .*another"):
        ingest(stage(tmp_path, pseudonyms=True))


@pytest.mark.parametrize("place", ["run", "data"])
def test_a_key_that_would_be_handed_on_or_taken_for_data_is_refused(
    tmp_path, root, monkeypatch, place
):
    monkeypatch.setenv(PRIVATE, str(tmp_path / place / "private"))
    with pytest.raises(UserError, match=f"{PRIVATE}=.* lies inside"):
        ingest(stage(tmp_path, pseudonyms=True))


def test_every_importer_of_the_settings_is_registered():
    assert set(MODULES) == set(Importer.__args__)


def test_deciding_that_nothing_changed_loads_no_heavy_library(tmp_path, root):
    ingest(stage(tmp_path, pseudonyms=True))
    script = f"""
import sys
from pathlib import Path
from pipeline.config import DataSettings, DicomSettings, Settings, StoreSettings
from pipeline.ingest.stage import ingest
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.stage import Stage
here = Path({str(tmp_path)!r})
settings = Settings(
    data=DataSettings(importer="dicom", root=here / "data"),
    store=StoreSettings(root=here / "store"),
)
run = RunFolder(here / "run")
print(ingest(Stage(run, settings, EventLog(run, "ingest"))))
print([m for m in ("tensorflow", "mlflow", "sklearn", "pandas", "cv2") if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[0].startswith("nothing changed")
    assert done.stdout.splitlines()[1] == "[]"


def test_a_header_that_takes_too_long_costs_its_own_file(tmp_path, root):
    slow = write_mammogram(root / "slow.dcm")
    items = b"\xfe\xff\x00\xe0" + bytes(4)
    sequence = b"\x54\x00\x20\x02SQ\0\0" + (400_000 * 8).to_bytes(4, "little")
    before, tag, pixels = slow.read_bytes().partition(b"\xe0\x7f\x10\x00OW")
    slow.write_bytes(before + sequence + items * 400_000 + tag + pixels)
    here = stage(tmp_path, DicomSettings(workers=1, decode_seconds=1))
    assert ingest(here).startswith("4 files, 3 images")
    ends = {row["file"]: row for _, row in read_text_table(here.run.files_table).rows}
    assert ends["slow.dcm"]["status"] == "failed"
    assert "took longer than 1 s" in ends["slow.dcm"]["reason"]


@pytest.mark.parametrize("pseudonyms", ["false", "true"])
def test_a_prepared_run_goes_on_where_its_data_are_not(tmp_path, capsys, pseudonyms):
    with inside(tmp_path):
        write_films(Path("data/films"))
        set_up(more=f"dicom.workers=0 data.pseudonyms={pseudonyms}")
        run_stage("ingest", RUN.root)
        Path("data").rename("elsewhere")
        with pytest.raises(SystemExit):  # preprocess would read them
            run_stage("ingest", RUN.root)
        Path("elsewhere").rename("data")
        run_stage("preprocess", RUN.root)
        catalog = RUN.catalog.read_bytes()
        Path("data").rename("elsewhere")  # the key of the pseudonyms as well
        capsys.readouterr()
        run_stage("ingest", RUN.root)
        assert "the data are not on this machine, and are not needed" in capsys.readouterr().out
        assert RUN.catalog.read_bytes() == catalog
        set_up(more=f"dicom.workers=0 data.pseudonyms={pseudonyms} data.limit=4")
        with pytest.raises(SystemExit):
            run_stage("ingest", RUN.root)
