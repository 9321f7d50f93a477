import csv
import json
from functools import partial

import numpy as np
import pytest
from pydicom import dcmread

from pipeline.ingest.examples import build_example
from pipeline.ingest.source_files import list_files
from pipeline.ingest.vindr import read
from pipeline.run.errors import UserError
from tests.dicom_samples import write_mammogram
from tests.ingest import catalogs

STUDY, OTHER = "5" * 32, "6" * 32
IMAGE, SECOND = "a" * 32, "b" * 32
ROW = {
    "study_id": STUDY,
    "series_id": "4" * 32,
    "image_id": IMAGE,
    "laterality": "L",
    "view_position": "MLO",
    "height": "300",
    "width": "200",
    "breast_birads": "BI-RADS 4",
    "breast_density": "DENSITY C",
    "finding_categories": "['Mass']",
    "finding_birads": "BI-RADS 4",
    "xmin": "10.5",
    "ymin": "20.25",
    "xmax": "30",
    "ymax": "40",
    "split": "training",
}
NO_BOX = dict.fromkeys(("finding_birads", "xmin", "ymin", "xmax", "ymax"), "")
NOTHING = {"finding_categories": "['No Finding']", **NO_BOX}


def write_findings(root, *rows, name="finding_annotations.csv"):
    root.mkdir(parents=True, exist_ok=True)
    with (root / name).open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(ROW), extrasaction="ignore")
        table.writeheader()
        table.writerows(ROW | row for row in rows)


def write_image(root, image=IMAGE, study=STUDY, suffix=".dicom"):
    pixels = np.arange(300 * 200, dtype=np.uint16).reshape(300, 200) % 4096
    return write_mammogram(root / "images" / study / f"{image}{suffix}", pixels, PatientID="")


catalog_of = partial(catalogs.catalog_of, read)


def one_image(root, *rows):
    write_findings(root, *rows)
    write_image(root)
    catalog = catalog_of(root)
    return catalog.images.loc[0], catalog.findings


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    root = tmp_path_factory.mktemp("example") / "vindr"
    build_example("vindr", root, patients=4, spacing_mm=0.4, seed=1)
    return root


def test_the_study_is_the_patient_and_the_table_names_side_view_and_density(tmp_path):
    image, _ = one_image(tmp_path, {})
    assert list(image[["image_id", "patient_id"]]) == [IMAGE, STUDY]
    assert list(image[["laterality", "view", "density"]]) == ["L", "MLO", "C"]
    assert image["file"] == (tmp_path / "images" / STUDY / f"{IMAGE}.dicom").as_posix()
    assert (image["dataset"], image["scanner"], image["split_hint"]) == ("vindr", "", "train")


def test_a_box_is_read_with_rows_before_columns(tmp_path):
    image, findings = one_image(tmp_path, {})
    (finding,) = findings.to_dict("records")
    assert (finding["kind"], finding["pathology"]) == ("mass", "birads_4")
    assert finding["geometry"] == "box"
    assert json.loads(finding["coordinates"]) == {
        "row0": 20.25,
        "col0": 10.5,
        "row1": 40,
        "col1": 30,
    }
    assert (image["outcome"], image["complete"]) == ("abnormal", "no")


@pytest.mark.parametrize(
    ("categories", "kind", "note"),
    [
        ("['Suspicious Calcification']", "suspicious_calcification", ""),
        ("['Mass', 'Suspicious Calcification']", "mass", "also Suspicious Calcification"),
        ("['Nipple Retraction', 'Mass']", "mass", "also Nipple Retraction"),
        ("['Skin Thickening']", "skin_thickening", ""),
        ('["No Finding", "Global Asymmetry"]', "global_asymmetry", ""),
    ],
)
def test_the_first_category_that_is_a_lesion_is_the_kind(tmp_path, categories, kind, note):
    _, findings = one_image(tmp_path, {"finding_categories": categories})
    assert list(findings[["kind", "note"]].iloc[0]) == [kind, note]


@pytest.mark.parametrize(
    "categories",
    [
        "__import__('os').abort()",
        "['Mass'",
        "'Mass'",
        "[1]",
        "Mass",
        "",
        "[" * 400,
        str(["Mass"] * 100),  # longer than any row of the set
    ],
)
def test_categories_are_never_evaluated_and_must_be_a_list_of_words(tmp_path, categories):
    with pytest.raises(UserError, match="line 2: finding_categories must be a list such as"):
        one_image(tmp_path, {"finding_categories": categories})


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ({"xmin": "-6.25"}, [20.25, 0, 40, 30]),
        ({"ymin": "-1"}, [0, 10.5, 40, 30]),
        ({"xmax": "200.5"}, [20.25, 10.5, 40, 199]),
        ({"ymax": "301"}, [20.25, 10.5, 299, 30]),
    ],
)
def test_a_box_that_leaves_the_image_is_clipped_and_told(tmp_path, capsys, box, expected):
    _, findings = one_image(tmp_path, box)
    assert list(json.loads(findings.loc[0, "coordinates"]).values()) == expected
    assert findings.loc[0, "note"] == "clipped: it left the image"
    told = capsys.readouterr().out
    assert told == f"note: boxes clipped that left their image: {IMAGE}\n"


@pytest.mark.parametrize(
    ("box", "note"),
    [
        ({"xmin": "210", "xmax": "220"}, "its box lies outside the image"),
        (NO_BOX, "no box, or one without area"),
        ({"xmin": "30", "xmax": "10"}, "no box, or one without area"),
    ],
)
def test_a_finding_without_a_box_in_the_image_is_kept_without_an_outline(tmp_path, box, note):
    image, findings = one_image(tmp_path, box)
    assert list(findings[["geometry", "note"]].iloc[0]) == ["none", note]
    assert (image["outcome"], image["complete"]) == ("abnormal", "no")


@pytest.mark.parametrize("size", [{"height": "150", "width": "100"}, {"width": "300"}])
def test_boxes_in_pixels_of_another_size_than_the_images_are_not_used(tmp_path, capsys, size):
    image, findings = one_image(tmp_path, size)
    told = "the table gives it another size than it has: its boxes are not used"
    assert list(findings[["kind", "geometry", "note"]].iloc[0]) == ["mass", "none", told]
    assert (image["outcome"], image["complete"]) == ("abnormal", "no")
    assert f"note: {told}: {IMAGE}\n" in capsys.readouterr().out


@pytest.mark.parametrize("categories", ["[]", "['No Finding']"])
def test_a_box_without_a_category_is_a_finding(tmp_path, categories):
    image, findings = one_image(
        tmp_path, {"finding_categories": categories, "breast_birads": "BI-RADS 1"}
    )
    assert list(findings[["kind", "geometry"]].iloc[0]) == ["unknown", "box"]
    assert (image["outcome"], image["complete"]) == ("abnormal", "no")


@pytest.mark.parametrize("value", ["ten", "nan", ""])
def test_a_corner_that_is_no_number_is_named(tmp_path, value):
    with pytest.raises(UserError, match="line 2: xmin must be"):
        one_image(tmp_path, {"xmin": value})


def test_a_finding_without_birads_of_its_own_is_of_unknown_pathology(tmp_path):
    _, findings = one_image(tmp_path, {"finding_birads": ""})
    assert list(findings["pathology"]) == ["unknown"]


@pytest.mark.parametrize(
    ("birads", "finding", "outcome", "complete"),
    [
        ("BI-RADS 1", NOTHING, "normal", "yes"),
        ("BI-RADS 2", NOTHING, "normal", "yes"),
        ("BI-RADS 3", NOTHING, "unknown", "no"),
        ("BI-RADS 4", NOTHING, "unknown", "no"),
        ("", NOTHING, "unknown", "no"),
        ("BI-RADS 2", {"finding_categories": "['Skin Thickening']"}, "abnormal", "no"),
    ],
)
def test_negatives_come_from_birads_1_and_2_without_a_box_alone(
    tmp_path, birads, finding, outcome, complete
):
    image, _ = one_image(tmp_path, {"breast_birads": birads, **finding})
    assert (image["outcome"], image["complete"]) == (outcome, complete)


def test_an_image_that_the_table_of_findings_lacks_is_not_normal(tmp_path):
    breast = {"image_id": SECOND, "breast_birads": "BI-RADS 1"}
    write_findings(tmp_path, NOTHING | {"breast_birads": "BI-RADS 1"})
    write_findings(tmp_path, breast, name="breast-level_annotations.csv")
    write_image(tmp_path)
    write_image(tmp_path, SECOND)
    images = catalog_of(tmp_path).images
    assert list(images["outcome"]) == ["normal", "unknown"]
    assert list(images["density"]) == ["C", "C"]


def test_the_breast_table_decides_where_the_two_name_another_split(tmp_path, capsys):
    write_findings(tmp_path, {"split": "test"}, {"image_id": SECOND})
    rows = ({"split": "training"}, {"image_id": SECOND})
    write_findings(tmp_path, *rows, name="breast-level_annotations.csv")
    write_image(tmp_path)
    write_image(tmp_path, SECOND)
    assert list(catalog_of(tmp_path).images["split_hint"]) == ["train", "train"]
    assert "note: images split otherwise in breast-level_annotations.csv" in capsys.readouterr().out


def test_a_study_in_both_parts_is_a_test_study(tmp_path, capsys):
    write_findings(tmp_path, {"split": "test"}, {"image_id": SECOND, "split": "training"})
    write_image(tmp_path)
    write_image(tmp_path, SECOND)
    assert list(catalog_of(tmp_path).images["split_hint"]) == ["test", "test"]
    assert "note: studies both in training and in test" in capsys.readouterr().out


def test_another_split_is_refused(tmp_path):
    with pytest.raises(UserError, match="line 2: split must be training or test, not 'val'"):
        one_image(tmp_path, {"split": "val"})


def test_images_that_are_not_here_are_counted_and_told(tmp_path, capsys):
    one_image(tmp_path, {}, {"image_id": SECOND}, {"image_id": "c" * 32})
    told = f"note: images of the tables not here: {SECOND}, {'c' * 32}\n"
    assert capsys.readouterr().out == told


def test_an_image_without_a_row_is_kept_as_unknown_in_its_study(tmp_path, capsys):
    write_image(tmp_path, SECOND)
    write_image(tmp_path, "c" * 32, study=OTHER)
    write_mammogram(tmp_path / "loose.dcm")
    one_image(tmp_path, {"split": "test"})
    catalog = catalog_of(tmp_path)
    images = catalog.images.set_index("image_id")
    assert dict(images["outcome"]) == {
        IMAGE: "abnormal",
        SECOND: "unknown",
        "c" * 32: "unknown",
        "loose": "unknown",
    }
    assert list(images["patient_id"]) == [STUDY, STUDY, OTHER, "loose.dcm"]
    assert list(images["split_hint"]) == ["test", "test", "", ""]
    assert set(images.loc[[SECOND, "loose"], "complete"]) == {"no"}
    reasons = catalog.files.set_index("file")["reason"]
    assert reasons[f"images/{STUDY}/{SECOND}.dicom"] == "the tables have no row for it"
    told = capsys.readouterr().out
    assert f"note: the tables have no row for it: {SECOND}, {'c' * 32}, loose\n" in told


def test_every_file_has_a_true_reason(tmp_path):
    folder = tmp_path / "images" / STUDY
    write_image(tmp_path / "copy")
    write_image(tmp_path, SECOND)
    (folder / f"._{IMAGE}.dicom").parent.mkdir(parents=True, exist_ok=True)
    (folder / f"._{IMAGE}.dicom").write_bytes(b"\0\5\x16\7" * 50)
    (folder / f"{'c' * 32}.dicom").write_bytes(b"")
    (folder / f"{'d' * 32}.dicom").write_bytes(b"<html>" * 50)
    (folder / f"{IMAGE}.png").write_bytes(b"\x89PNG")
    (folder / "index").write_bytes(b"<html>")
    (tmp_path / "SHA256SUMS.txt").write_text("0")
    one_image(tmp_path, {}, {"image_id": SECOND})
    files = catalog_of(tmp_path).files.set_index("file")
    assert files["status"].value_counts().to_dict() == {"skipped": 6, "candidate": 2, "failed": 2}
    short = {name.replace(STUDY, "S"): reason for name, reason in files["reason"].items()}
    assert short == {
        "SHA256SUMS.txt": "a table or text",
        f"copy/images/S/{IMAGE}.dicom": "",
        "finding_annotations.csv": "a table of the data set",
        f"images/S/._{IMAGE}.dicom": "left behind by macOS",
        f"images/S/{IMAGE}.dicom": f"the same image as copy/images/{STUDY}/{IMAGE}.dicom",
        f"images/S/{IMAGE}.png": "a picture, not DICOM",
        f"images/S/{SECOND}.dicom": "",
        f"images/S/{'c' * 32}.dicom": "an empty file",
        f"images/S/{'d' * 32}.dicom": "not DICOM",
        "images/S/index": "not an image of the data set",
    }


def test_metadata_names_the_scanner(tmp_path):
    (tmp_path / "metadata.csv").write_text(
        f"SOP Instance UID,Manufacturer,Manufacturer's Model Name\n{IMAGE},SIEMENS,Mammomat\n"
    )
    image, _ = one_image(tmp_path, {})
    assert image["scanner"] == "SIEMENS Mammomat"


def test_without_the_table_of_findings_the_user_is_told(tmp_path):
    write_image(tmp_path)
    with pytest.raises(UserError, match=r"has no finding_annotations\.csv"):
        catalog_of(tmp_path)


def test_a_table_without_its_columns_is_named(tmp_path):
    (tmp_path / "finding_annotations.csv").write_text("study_id,image_id\n")
    with pytest.raises(UserError, match="lacks the columns breast_birads, breast_density"):
        catalog_of(tmp_path)


def test_the_example_has_every_trap_of_the_set(example, capsys):
    catalog = catalog_of(example)
    told = capsys.readouterr().out
    for what in ("not here: ", "have no row for it: ", "boxes clipped", "images split otherwise"):
        assert what in told
    images, findings = catalog.images, catalog.findings
    assert images.groupby("patient_id").size().tolist() == [4] * 4
    assert set(images["outcome"]) == {"normal", "abnormal", "unknown"}
    assert set(images["split_hint"]) == {"train", "test"}
    assert {"mass", "suspicious_calcification", "suspicious_lymph_node"} == set(findings["kind"])
    assert any("also " in note for note in findings["note"])
    suspicious = images[(images["outcome"] == "unknown") & (images["density"] != "")]
    assert len(suspicious) == 1  # a view without a box of a breast of BI-RADS 4 or 5
    headers = [dcmread(file, stop_before_pixels=True) for file in images["file"]]
    polarities = {header.PhotometricInterpretation for header in headers}
    assert polarities == {"MONOCHROME1", "MONOCHROME2"}


def test_the_example_is_the_same_each_time(tmp_path):
    once, again = tmp_path / "once", tmp_path / "again"
    for root in (once, again):
        build_example("vindr", root, patients=2, spacing_mm=0.4, seed=1)
    first, second = list_files(once).files, list_files(again).files
    assert [file.name for file in first] == [file.name for file in second]
    assert all(
        a.path.read_bytes() == b.path.read_bytes() for a, b in zip(first, second, strict=True)
    )
