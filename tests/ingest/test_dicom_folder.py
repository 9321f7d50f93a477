import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from pipeline.ingest.dicom_folder import read
from pipeline.ingest.image_ids import image_ids
from pipeline.run.errors import UserError
from tests.dicom_samples import write_as, write_mammogram
from tests.ingest import catalogs

catalog_of = partial(catalogs.catalog_of, read)


def test_headers_give_patient_side_and_view(tmp_path):
    write_mammogram(tmp_path / "a.dcm", PatientID="w1", ImageLaterality="R", ViewPosition="MLO")
    write_mammogram(tmp_path / "b.dcm", PatientID="Mass-Test_P_00173_LEFT_CC")
    images = catalog_of(tmp_path).images.set_index("image_id")
    assert list(images.loc["a", ["patient_id", "laterality", "view"]]) == ["w1", "R", "MLO"]
    assert images.loc["b", "patient_id"] == "P_00173"
    assert images.loc["a", "file"] == (tmp_path / "a.dcm").as_posix()
    assert set(images["outcome"]) == {"unknown"}
    assert images["spacing_mm"].isna().all()


def test_odd_words_for_a_view_stop_no_ingest(tmp_path, capsys):
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "X-1", "From above"
    write_as(tmp_path / "a.dcm", "ViewPosition", "12?", "LO")
    write_mammogram(tmp_path / "b.dcm", ViewPosition=None, ViewCodeSequence=[code])
    write_mammogram(tmp_path / "c.dcm")
    assert list(catalog_of(tmp_path).images["view"]) == ["", "", "CC"]
    told = "its header does not say side and view in words that are known: one is unknown: a, b\n"
    assert told in capsys.readouterr().out


def test_every_file_gets_a_row_with_a_reason(tmp_path):
    write_mammogram(tmp_path / "a.dcm")
    write_mammogram(tmp_path / "DICOMDIR", SOPClassUID="1.2.840.10008.1.3.10")
    (tmp_path / "notes.xlsx").write_bytes(b"PK\3\4" + bytes(200))
    (tmp_path / "old.tar.gz").write_bytes(b"\x1f\x8b" + bytes(200))
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "empty.dcm").write_bytes(b"")
    files = catalog_of(tmp_path).files.set_index("file")
    assert dict(files["reason"]) == {
        ".hidden": "not DICOM",
        "DICOMDIR": "DICOMDIR, a list of other files",
        "a.dcm": "",
        "empty.dcm": "an empty file",
        "notes.xlsx": "a table or text",
        "old.tar.gz": "an archive",
    }
    assert files.loc["a.dcm", "status"] == "candidate"
    assert files.loc["empty.dcm", "status"] == "failed"
    assert files.loc["a.dcm", "bytes"] == (tmp_path / "a.dcm").stat().st_size


def test_files_of_which_nothing_is_left_are_lost_if_they_are_named_like_dicom(tmp_path):
    write_mammogram(tmp_path / "IM_0001")
    write_mammogram(tmp_path / "1.2.840.1")
    for name in ("IM_0002", "1.2.840.2", "b.DCM", "x/IM_0003", "log.txt", "._a.dcm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "c.dcm").write_bytes(bytes(3000))
    (tmp_path / "d.dcm").write_bytes(b"<html><title>404</title></html>")
    files = catalog_of(tmp_path).files.set_index("file")
    failed = {"IM_0002", "1.2.840.2", "b.DCM", "c.dcm", "d.dcm"}
    assert set(files.index[files["status"] == "failed"]) == failed
    assert files.loc["c.dcm", "reason"] == "begins with zeros: its copy or download stopped"
    assert files.loc["d.dcm", "reason"] == "a web page, not the file: its download failed"


def test_a_file_that_cannot_be_opened_is_lost_if_it_is_named_like_dicom(tmp_path, monkeypatch):
    write_mammogram(tmp_path / "a.dcm")
    (tmp_path / "b.dcm").write_bytes(b"x")
    opened = Path.open

    def refuse(path, *args, **options):
        if path.name == "b.dcm":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    files = catalog_of(tmp_path).files.set_index("file")
    assert list(files.loc["b.dcm", ["status", "reason"]]) == [
        "failed",
        "cannot be read: Permission denied",
    ]


def test_a_damaged_dicom_file_stays_a_candidate_for_the_reader(tmp_path):
    write_mammogram(tmp_path / "a.dcm")
    (tmp_path / "b.dcm").write_bytes((tmp_path / "a.dcm").read_bytes()[:150])
    files = catalog_of(tmp_path).files
    assert list(files["status"]) == ["candidate", "candidate"]


def test_without_a_patient_id_the_study_stands_for_the_patient(tmp_path):
    write_mammogram(tmp_path / "a.dcm", PatientID="", StudyInstanceUID="2.25.7")
    write_mammogram(tmp_path / "x" / "b.dcm", PatientID="", StudyInstanceUID="")
    write_mammogram(tmp_path / "c.dcm", PatientID="", StudyInstanceUID="")
    catalog = catalog_of(tmp_path)
    patients = catalog.images.set_index("image_id")["patient_id"]
    assert dict(patients) == {"a": "2.25.7", "b": "x", "c": "c"}
    assert all("no Patient ID" in reason for reason in catalog.files["reason"])


def test_findings_are_joined_by_file_name_and_id(tmp_path):
    write_mammogram(tmp_path / "w1" / "a.dcm")
    write_mammogram(tmp_path / "w1" / "b.dcm")
    write_mammogram(tmp_path / "w2" / "c.dcm")
    write_mammogram(tmp_path / "w2" / "d.dcm")
    (tmp_path / "findings.csv").write_text(
        "file,image_id,kind,pathology,row,col,radius,patient_id\n"
        "w1/a.dcm,,mass,malignant,3,4,2,\n"
        "a.dcm,,calcification,benign,5,6,1,\n"
        ",b,mass,,,,,\n"
        ".\\w2\\c.dcm,,normal,,,,,woman2\n"
    )
    catalog = catalog_of(tmp_path)
    images = catalog.images.set_index("image_id")
    assert dict(images["outcome"]) == {
        "a": "abnormal",
        "b": "abnormal",
        "c": "normal",
        "d": "unknown",
    }
    assert images.loc["c", "patient_id"] == "woman2"
    findings = catalog.findings.set_index("finding_id")
    assert list(findings.index) == ["a-1", "a-2", "b-1"]
    assert json.loads(findings.loc["a-2", "coordinates"]) == {"row": 5, "col": 6, "radius": 1}
    assert findings.loc["b-1", "geometry"] == "none"


def test_the_table_tells_what_the_headers_do_not_know_of_an_image(tmp_path):
    for name in "abc":
        write_mammogram(tmp_path / f"{name}.dcm")
    (tmp_path / "findings.csv").write_text(
        "file,kind,complete,density,site\n"
        "a.dcm,mass,no,C,north\na.dcm,mass,,,\nb.dcm,mass,yes,,\nc.dcm,normal,,A,\n"
    )
    images = catalog_of(tmp_path).images
    assert list(images["complete"]) == ["no", "yes", "yes"]
    assert list(images["density"]) == ["C", "", "A"]
    assert list(images["site"]) == ["north", "", ""]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("e.dcm,mass,", "line 2: e.dcm is no image"),
        ("a.dcm,mass,", "line 2: 2 files are called a.dcm; give the path"),
        ("b.dcm,mass,w1\nb.dcm,mass,w2", "line 3: patient_id of b is w1 already"),
        ("b.dcm,mass,\nb.dcm,normal,", "line 3: b is called normal and has a finding"),
    ],
)
def test_a_line_that_fits_no_image_is_named(tmp_path, line, message):
    for name in ("x/a.dcm", "y/a.dcm", "b.dcm"):
        write_mammogram(tmp_path / name)
    (tmp_path / "findings.csv").write_text(f"file,kind,patient_id\n{line}\n")
    with pytest.raises(UserError, match=message):
        catalog_of(tmp_path)


def test_a_mask_of_another_image_is_refused(tmp_path):
    for name in ("a.dcm", "b.dcm", "mask.dcm"):
        write_mammogram(tmp_path / name)
    table = "file,kind,mask\na.dcm,mass,mask.dcm\na.dcm,calcification,mask.dcm\n"
    (tmp_path / "findings.csv").write_text(table)
    assert len(catalog_of(tmp_path).findings) == 2
    (tmp_path / "findings.csv").write_text(f"{table}b.dcm,mass,mask.dcm\n")
    with pytest.raises(UserError, match=r"line 4: the mask .* is that of another image .*line 2"):
        catalog_of(tmp_path)


@pytest.mark.parametrize(
    ("referred", "refused"),
    [(["a1"], False), (["b1"], True), (["b1", "a2"], False), (["x"], False)],
)
@pytest.mark.parametrize("place", ["ReferencedSeriesSequence", "SourceImageSequence"])
def test_a_mask_that_refers_to_another_image_is_refused(tmp_path, place, referred, refused):
    uids = {"a1": "2.25.31", "a2": "2.25.32", "b1": "2.25.33", "x": "2.25.34"}
    for name in ("a1", "a2"):  # sent twice
        write_mammogram(tmp_path / name, np.eye(8, dtype=np.uint16), SOPInstanceUID=uids[name])
    write_mammogram(tmp_path / "b1", SOPInstanceUID=uids["b1"])
    references = []
    for name in referred:
        reference = Dataset()
        reference.ReferencedSOPInstanceUID = uids[name]
        references.append(reference)
    if place == "ReferencedSeriesSequence":
        series = Dataset()
        series.ReferencedInstanceSequence = references
        references = [series]
    write_mammogram(tmp_path / "seg", Modality="SEG", **{place: references})
    (tmp_path / "findings.csv").write_text("file,kind,mask\na1,mass,seg\n")
    if refused:
        with pytest.raises(UserError, match=r"seg says that it is of image b1, .* to image a1"):
            catalog_of(tmp_path)
    else:
        assert len(catalog_of(tmp_path).findings) == 1


def test_the_mask_of_a_finding_is_no_image(tmp_path):
    write_mammogram(tmp_path / "a.dcm")
    write_mammogram(tmp_path / "mask.dcm")
    (tmp_path / "findings.csv").write_text("file,kind,mask\na.dcm,mass,mask.dcm\n")
    catalog = catalog_of(tmp_path)
    assert list(catalog.images["image_id"]) == ["a"]
    assert catalog.files.set_index("file").loc["mask.dcm", "reason"] == "the mask of a finding"


def test_ids_are_short_where_they_can_be_and_always_unique():
    names = ["p1/1-1.dcm", "p2/1-1.dcm", "p2/1-1.DICOM", "x.dcm", "é.dcm", "1.2.840.dcm", "1.2.841"]
    ids = image_ids(names)
    assert ids["x.dcm"] == "x"
    assert ids["p1/1-1.dcm"] == "p1-1-1"
    assert (ids["1.2.840.dcm"], ids["1.2.841"]) == ("1.2.840", "1.2.841")
    assert len({value.lower() for value in ids.values()}) == len(names)
    assert all(value[0].isalnum() for value in ids.values())


def test_a_very_long_name_becomes_a_shorter_id():
    (value,) = image_ids(["a" * 240 + ".dcm"]).values()
    assert len(value) < 200


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("W1", r"line 2: W1 is no image of data\.root \(almost 'w1/0010\.dcm': "),
        ("10.dcm", r"\(almost '0010\.dcm': zeros in front\)"),
        ("0010.png", r"\(almost '0010\.dcm': the suffix of a file\)"),
        ("other/0010.dcm", r"\(almost 'w1/0010\.dcm': what stands before the last /\)"),
        ("z.dcm", r"line 2: z\.dcm is no image of data\.root\. Name a file"),
    ],
)
def test_a_line_without_image_names_what_was_probably_meant(tmp_path, name, message):
    write_mammogram(tmp_path / "w1" / "0010.dcm")
    (tmp_path / "findings.csv").write_text(f"file,kind\n{name},mass\n")
    with pytest.raises(UserError, match=message):
        catalog_of(tmp_path)


def test_all_lines_without_image_are_counted(tmp_path):
    write_mammogram(tmp_path / "a.dcm")
    lines = "".join(f"z{number}.dcm,mass\n" for number in range(5))
    (tmp_path / "findings.csv").write_text(f"file,kind\na.dcm,mass\n{lines}")
    with pytest.raises(UserError, match=r"line 3: z0.*line 5: z2.*; and 2 more lines"):
        catalog_of(tmp_path)


def test_rows_and_columns_exchanged_so_that_they_leave_the_image_are_refused(tmp_path):
    write_mammogram(tmp_path / "a.dcm", np.zeros((60, 30), np.uint16))
    head = "file,kind,row,col,radius\n"
    (tmp_path / "findings.csv").write_text(f"{head}a.dcm,mass,20,10,4\na.dcm,mass,15,50,6\n")
    with pytest.raises(UserError, match=r"line 3: .* outside the image of 60 x 30 .* row first"):
        catalog_of(tmp_path)
    # What lies outside either way is one line's fault, and set aside by the intake.
    (tmp_path / "findings.csv").write_text(f"{head}a.dcm,mass,20,10,4\na.dcm,mass,90,90,6\n")
    assert len(catalog_of(tmp_path).findings) == 2


def test_percentages_of_the_image_are_refused(tmp_path):
    write_mammogram(tmp_path / "a.dcm", np.zeros((600, 500), np.uint16))
    head = "file,kind,row,col,radius\n"
    (tmp_path / "findings.csv").write_text(f"{head}a.dcm,mass,20,60,4\na.dcm,mass,80,90,6\n")
    with pytest.raises(UserError, match=r"line 2 and all 2 outlines: .* percentages"):
        catalog_of(tmp_path)
    (tmp_path / "findings.csv").write_text(f"{head}a.dcm,mass,20,60,4\na.dcm,mass,80,120,6\n")
    assert len(catalog_of(tmp_path).findings) == 2


def test_pixels_of_larger_copies_of_the_images_are_refused(tmp_path):
    write_mammogram(tmp_path / "a.dcm", np.zeros((60, 50), np.uint16))
    lines = "".join(f"a.dcm,mass,{row},30,4\n" for row in (20, 30, 40, 50, 70, 80))
    (tmp_path / "findings.csv").write_text(f"file,kind,row,col,radius\n{lines}")
    with pytest.raises(UserError, match=r"line 6: it lies outside .* 2 of 6 outlines, as if"):
        catalog_of(tmp_path)


@pytest.mark.parametrize(("last", "told"), [(40, True), (60, False)])
def test_outlines_that_all_lie_in_the_corner_are_told(tmp_path, capsys, last, told):
    rows = [20, 25, 30, 35, 38, last]
    for number in range(6):
        write_mammogram(tmp_path / f"{number}.dcm", np.zeros((100, 90), np.uint16))
    lines = "".join(f"{n}.dcm,mass,{row},30,4\n" for n, row in enumerate(rows))
    (tmp_path / "findings.csv").write_text(f"file,kind,row,col,radius\n{lines}")
    assert len(catalog_of(tmp_path).findings) == 6
    told_of = "note: all 6 outlines lie in the first 44% of the rows and 38% of the columns"
    assert (told_of in capsys.readouterr().out) == told


def test_an_exam_that_was_sent_or_linked_twice_counts_once(tmp_path, capsys):
    exams = ("first", "2.25.11"), ("second", "2.25.12")
    for exam, uid in exams:  # under two accession numbers, with UIDs of their own
        for view in ("CC", "MLO"):
            write_mammogram(
                tmp_path / exam / f"{view}.dcm",
                np.full((8, 8), len(view), np.uint16),
                ViewPosition=view,
                StudyInstanceUID=uid,
                SOPInstanceUID=f"{uid}.1",
            )
    (tmp_path / "link").symlink_to(tmp_path / "first" / "CC.dcm")
    # What the table says of either file is said of the image, and a name means one image.
    lines = ["file,kind,row,col,radius", "second/CC.dcm,mass,4,4,2", "first/CC.dcm,mass,4,4,2"]
    (tmp_path / "findings.csv").write_text("\n".join([*lines, "MLO.dcm,normal,,,"]))
    catalog = catalog_of(tmp_path)
    images = catalog.images.set_index("source")["outcome"]
    assert dict(images) == {"first/CC.dcm": "abnormal", "first/MLO.dcm": "normal"}
    assert len(catalog.findings) == 1
    files = catalog.files.set_index("file")
    copies = ["link", "second/CC.dcm", "second/MLO.dcm"]
    assert sorted(files.index[files["reason"].str.startswith("a copy: ")]) == copies
    assert set(files.loc[copies, "status"]) == {"skipped"}
    told = "side and view: link, second/CC.dcm, second/MLO.dcm\n"
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    "other",
    [
        # The gate of the split names them.
        {"PatientID": "w2"},
        {"ImageLaterality": "R"},
        {"ViewPosition": "MLO"},
        # The header of one of them may be damaged, and the other is the one that can be read.
        {"HighBit": 3},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"RescaleSlope": -1, "RescaleIntercept": 4095},
        {"ImageType": ["DERIVED", "SECONDARY"]},
        {"PresentationIntentType": "FOR PROCESSING"},
    ],
)
def test_the_same_pixels_of_another_woman_side_or_view_or_read_otherwise_are_no_copy(
    tmp_path, other
):
    same = np.ones((8, 8), np.uint16)
    write_mammogram(tmp_path / "a.dcm", same)
    write_mammogram(tmp_path / "b.dcm", same, **other)
    assert len(catalog_of(tmp_path).images) == 2


def test_pixels_that_agree_in_their_middle_only_are_no_copy(tmp_path):
    pixels = np.zeros((400, 400), np.uint16)
    write_mammogram(tmp_path / "a.dcm", pixels)
    pixels[0, 0] = 1
    write_mammogram(tmp_path / "b.dcm", pixels)
    assert len(catalog_of(tmp_path).images) == 2


def test_a_copy_that_the_table_calls_normal_beside_a_finding_is_refused(tmp_path):
    for name in "ab":
        write_mammogram(tmp_path / f"{name}.dcm", np.ones((8, 8), np.uint16))
    (tmp_path / "findings.csv").write_text("file,kind\na.dcm,mass\nb.dcm,normal\n")
    with pytest.raises(UserError, match="line 3: a is called normal and has a finding"):
        catalog_of(tmp_path)


def test_a_woman_of_whom_some_images_only_get_another_name_is_told(tmp_path):
    for name in "abc":
        write_mammogram(tmp_path / f"{name}.dcm", PatientID="w2" if name == "c" else "w1")
    (tmp_path / "findings.csv").write_text("file,kind,patient_id\na.dcm,mass,anna\n")
    reasons = catalog_of(tmp_path).files.set_index("file")["reason"]
    told = reasons.str.contains("other images with its Patient ID another patient_id")
    assert dict(told) == {"a.dcm": False, "b.dcm": True, "c.dcm": False, "findings.csv": False}


def test_a_finding_number_that_is_there_twice_is_named_with_both_lines(tmp_path):
    write_mammogram(tmp_path / "a.dcm")
    lines = "a.dcm,mass,f1\na.dcm,mass,\na.dcm,mass,\na.dcm,cyst,f1\n"
    (tmp_path / "findings.csv").write_text(f"file,kind,finding_id\n{lines}")
    with pytest.raises(UserError, match=r"line 5: finding_id f1 is that of .*line 2 as well"):
        catalog_of(tmp_path)


def test_a_finding_that_is_there_twice_is_taken_once(tmp_path, capsys):
    write_mammogram(tmp_path / "a.dcm", np.zeros((200, 200), np.uint16))
    lines = ["file,kind,row,col,radius", *["a.dcm,mass,90,90,6"] * 2, "a.dcm,mass,20,20,6"]
    lines += ["a.dcm,asymmetry,,,"] * 2  # which may be two
    (tmp_path / "findings.csv").write_text("\n".join(lines))
    assert len(catalog_of(tmp_path).findings) == 4
    assert "taken once: " in capsys.readouterr().out


def test_patient_ids_are_never_cut(tmp_path):
    ids = [f"HOSP_{number:06d}" for number in range(101, 107)] + ["GRP_00042", "EXP_00042"]
    for name in ids:
        write_mammogram(tmp_path / f"{name}.dcm", PatientID=name)
    assert list(catalog_of(tmp_path).images["patient_id"]) == sorted(ids)


def test_whole_names_of_cbis_ddsm_are_one_patient_and_the_intake_says_so(tmp_path):
    for view in ("CC", "MLO"):
        write_mammogram(tmp_path / f"{view}.dcm", PatientID=f"Mass-Test_P_00173_LEFT_{view}")
    catalog = catalog_of(tmp_path)
    assert set(catalog.images["patient_id"]) == {"P_00173"}
    assert all("name of CBIS-DDSM" in reason for reason in catalog.files["reason"])


def test_several_dates_of_birth_under_one_id_are_noted(tmp_path):
    for name, born in (("a", "19500101"), ("b", "19620203"), ("c", "")):
        write_mammogram(tmp_path / f"{name}.dcm", PatientID="X1", PatientBirthDate=born)
    write_mammogram(tmp_path / "d.dcm", PatientID="X2", PatientBirthDate="19500101")
    reasons = catalog_of(tmp_path).files["reason"]
    assert ["several dates of birth" in reason for reason in reasons] == [True] * 3 + [False]


def test_two_issuers_of_one_id_are_noted(tmp_path):
    for name, issuer in (("a", "North"), ("b", "South"), ("c", "")):
        write_mammogram(tmp_path / f"{name}.dcm", PatientID="1", IssuerOfPatientID=issuer)
    write_mammogram(tmp_path / "d.dcm", PatientID="2", IssuerOfPatientID="North")
    reasons = catalog_of(tmp_path).files["reason"]
    told = "its patient has several issuers of the Patient ID: perhaps several women under one"
    assert [told in reason for reason in reasons] == [True] * 3 + [False]


def test_one_woman_under_two_ids_is_known_by_her_study_or_name(tmp_path):
    women = {
        "a": {"PatientID": "k1", "StudyInstanceUID": "2.25.7"},
        "b": {"PatientID": "k2", "StudyInstanceUID": "2.25.7"},
        "c": {"PatientID": "m1", "PatientName": "Doe^Ann", "PatientBirthDate": "19500101"},
        "d": {"PatientID": "n2", "PatientName": "DOE ANN", "PatientBirthDate": "19500101"},
        "e": {"PatientID": "o3", "PatientName": "DOE ANN", "PatientBirthDate": "19500102"},
    }
    for name, values in women.items():
        write_mammogram(tmp_path / f"{name}.dcm", **values)
    assert catalog_of(tmp_path).alike == (
        ("k1", "k2", "images of one study"),
        ("m1", "n2", "one name and date of birth"),
    )
    # What many share stands in place of what was taken out; the user's ids go before the file's.
    for number in range(8):
        write_mammogram(tmp_path / f"f{number}.dcm", **women["a"] | {"PatientID": f"p{number}"})
    (tmp_path / "findings.csv").write_text("file,kind,patient_id\nd.dcm,mass,m1\n")
    assert not catalog_of(tmp_path).alike


def test_a_damaged_file_that_the_table_names_is_lost_and_stops_no_other(tmp_path, capsys):
    write_mammogram(tmp_path / "a.dcm")
    (tmp_path / "b.dcm").write_bytes(b"no longer DICOM")
    (tmp_path / "c.dcm").write_bytes(b"")
    rows = "a.dcm,mass,4,4,2\nb.dcm,mass,4,4,2\nc.dcm,normal,,,\n"
    (tmp_path / "findings.csv").write_text("file,kind,row,col,radius\n" + rows)
    catalog = catalog_of(tmp_path)
    assert list(catalog.findings["image_id"]) == ["a"]
    files = catalog.files.set_index("file")
    assert files.loc["b.dcm", "status"] == files.loc["c.dcm", "status"] == "failed"
    assert files.loc["b.dcm", "reason"] == "not DICOM, though the table of findings names it"
    assert "findings.csv, line 3" in capsys.readouterr().out


def test_one_instance_number_on_different_images_is_told_of_both(tmp_path, capsys):
    one = np.arange(64, dtype=np.uint16).reshape(8, 8)
    write_mammogram(tmp_path / "a.dcm", one)
    write_mammogram(tmp_path / "b.dcm", one[::-1])
    write_mammogram(tmp_path / "c.dcm", one.T, SOPInstanceUID="2.25.3")
    write_mammogram(tmp_path / "d.dcm", one, SOPInstanceUID="2.25.4", PatientID="w2")
    write_mammogram(tmp_path / "e.dcm", one, SOPInstanceUID="2.25.4", PatientID="w3")
    catalog = catalog_of(tmp_path)
    assert list(catalog.images["image_id"]) == ["a", "b", "c", "d", "e"]
    told = "its SOP Instance UID is that of a file with other pixels: each counts by itself"
    reasons = catalog.files.set_index("file")["reason"]
    assert set(reasons.index[reasons == told]) == {"a.dcm", "b.dcm"}
    assert f"{told}: a, b\n" in capsys.readouterr().out
