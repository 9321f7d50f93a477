import json
import plistlib
from functools import partial

import numpy as np
import pytest

from pipeline.ingest.examples import build_example
from pipeline.ingest.inbreast import read
from pipeline.ingest.source_files import list_files
from pipeline.run.errors import UserError
from tests.dicom_samples import write_mammogram
from tests.ingest import catalogs

HEADER = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"
MASS = ("Mass", ["(2, 1)", "(5, 1)", "(5, 6)"])
catalog_of = partial(catalogs.catalog_of, read)


def one_image(
    root, *regions, birads="4a", acr="2", announced=None, name="7_ab_MG_R_ML_ANON.dcm", **tags
):
    """The image and the findings of a set with one picture, number 7."""
    tags = {"PatientID": "", "ViewPosition": None, "ImagerPixelSpacing": [0.1, 0.1]} | tags
    write_mammogram(root / "AllDICOMs" / name, **tags)
    if birads:
        side, view = name.split("_")[3:5]
        view = {"ML": "MLO"}.get(view, view)
        table = f"{HEADER}\nremoved;removed;{side};{view};201001;7;{acr};{birads}\n"
        (root / "INbreast.csv").write_text(table)
    if regions:
        write_export(root / "AllXML" / "7.xml", *regions, announced=announced)
    catalog = catalog_of(root)
    return catalog.images.loc[0], catalog.findings


def write_export(path, *regions, announced=None):
    rois = [
        {"Name": name, "NumberOfPoints": len(points), "Point_px": points}
        for name, points in regions
    ]
    count = len(rois) if announced is None else announced
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(plistlib.dumps({"Images": [{"NumberOfROIs": count, "ROIs": rois}]}))


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    root = tmp_path_factory.mktemp("example") / "inbreast"
    build_example("inbreast", root, patients=4, spacing_mm=0.4, seed=1)
    return root


def test_the_name_tells_image_patient_side_and_view_where_ml_means_mlo(tmp_path):
    image, _ = one_image(tmp_path)
    assert list(image[["image_id", "patient_id", "laterality", "view"]]) == ["7", "ab", "R", "MLO"]
    assert image["file"] == (tmp_path / "AllDICOMs" / "7_ab_MG_R_ML_ANON.dcm").as_posix()
    assert (image["dataset"], image["density"]) == ("inbreast", "2")


@pytest.mark.parametrize("view", ["CC", "FB"])
def test_other_views_keep_their_name_for_the_reader_to_judge(tmp_path, view):
    image, _ = one_image(tmp_path, name=f"7_ab_MG_L_{view}_ANON.dcm")
    assert image["view"] == view


def test_three_points_are_an_outline_in_rows_and_columns(tmp_path):
    image, findings = one_image(tmp_path, MASS)
    (finding,) = findings.to_dict("records")
    assert (finding["kind"], finding["pathology"]) == ("mass", "birads_4a")
    assert finding["geometry"] == "polygon"
    assert json.loads(finding["coordinates"]) == [[1, 2], [1, 5], [6, 5]]
    assert (image["outcome"], image["complete"]) == ("abnormal", "yes")


def test_points_of_calcifications_become_circles_of_half_a_millimetre(tmp_path):
    one, two = ("Calcification", ["(2, 1)"]), ("Cluster", ["(3, 4)", "(5, 6)"])
    _, findings = one_image(tmp_path, one, two, ImagerPixelSpacing=[0.05, 0.05])
    assert list(findings["geometry"]) == ["circle"] * 3
    assert [json.loads(text) for text in findings["coordinates"]] == [
        {"row": 1, "col": 2, "radius": 10},
        {"row": 4, "col": 3, "radius": 10},
        {"row": 6, "col": 5, "radius": 10},
    ]


def test_a_mass_without_an_outline_keeps_its_image_from_giving_negatives(tmp_path):
    _, findings = one_image(tmp_path, ("Mass", ["(2, 1)", "(3, 1)"]))
    assert list(findings["geometry"]) == ["none"]
    assert findings.loc[0, "note"] == "marked by 2 points, no outline"


@pytest.mark.parametrize(
    ("header", "radius", "known"),
    [
        ({"ImagerPixelSpacing": None, "PixelSpacing": [0.2, 0.2]}, 2.5, np.nan),
        ({"ImagerPixelSpacing": None}, round(0.5 / 0.07, 3), 0.07),
        ({"ImagerPixelSpacing": ""}, round(0.5 / 0.07, 3), 0.07),
    ],
)
def test_the_spacing_is_the_files_own_and_else_that_of_the_sets_detector(
    tmp_path, header, radius, known
):
    image, findings = one_image(tmp_path, ("Calcification", ["(2, 1)"]), **header)
    assert json.loads(findings.loc[0, "coordinates"])["radius"] == radius
    np.testing.assert_equal(image["spacing_mm"], known)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Mass", "mass"),
        ("Calcifications", "calcification"),
        ("Spiculated Region", "spiculated_region"),
        ("Espiculated Region", "spiculated_region"),
        ("Assymetry", "asymmetry"),
        ("Distortion", "distortion"),
        ("Unnamed", "unknown"),
        ("Point 1", "unknown"),
        ("", "unknown"),
        ("3", "unknown"),
    ],
)
def test_names_of_regions_become_kinds_however_they_are_spelt(tmp_path, name, kind):
    _, findings = one_image(tmp_path, (name, MASS[1]))
    assert list(findings["kind"]) == [kind]
    assert findings.loc[0, "note"] == (f"called {name!r}" if kind == "unknown" else "")


def test_the_pectoral_muscle_is_no_finding(tmp_path):
    folder = tmp_path / "PectoralMuscle" / "Pectoral Muscle XML"
    write_export(folder / "7.xml", ("Pectoral Muscle", MASS[1]))
    image, findings = one_image(tmp_path, ("Pectoral Muscle", MASS[1]), birads="1")
    assert findings.empty
    assert image["outcome"] == "normal"
    files = catalog_of(tmp_path).files.set_index("file")["reason"]
    assert files["PectoralMuscle/Pectoral Muscle XML/7.xml"] == "outline of the pectoral muscle"


@pytest.mark.parametrize(
    ("birads", "regions", "outcome", "complete"),
    [
        ("1", [], "normal", "yes"),
        ("2", [], "unknown", "no"),
        ("5", [], "unknown", "no"),
        ("", [], "unknown", "no"),
        ("2", [MASS], "abnormal", "yes"),
        ("1", [MASS], "abnormal", "yes"),
        ("", [MASS], "abnormal", "yes"),
    ],
)
def test_only_birads_1_without_outlines_is_normal(tmp_path, birads, regions, outcome, complete):
    image, _ = one_image(tmp_path, *regions, birads=birads)
    assert (image["outcome"], image["complete"]) == (outcome, complete)


def test_outlines_that_the_export_announces_and_lacks_make_an_image_incomplete(tmp_path, capsys):
    image, _ = one_image(tmp_path, MASS, announced=2)
    assert (image["outcome"], image["complete"]) == ("abnormal", "no")
    assert "note: its outlines cannot be read, or some are missing: 7" in capsys.readouterr().out


@pytest.mark.parametrize("birads", ["1", "4a"])
def test_a_broken_export_costs_the_outcome_of_its_image_only(tmp_path, capsys, birads):
    one_image(tmp_path, MASS, birads=birads)
    write_mammogram(tmp_path / "AllDICOMs" / "8_ab_MG_R_CC_ANON.dcm")
    write_export(tmp_path / "AllXML" / "8.xml", MASS)
    export = tmp_path / "AllXML" / "7.xml"
    export.write_bytes(export.read_bytes()[:200])
    catalog = catalog_of(tmp_path)
    images = catalog.images.set_index("image_id")
    assert list(images["outcome"]) == ["unknown", "abnormal"]
    assert list(images["complete"]) == ["no", "yes"]
    files = catalog.files.set_index("file")
    assert files.loc["AllXML/7.xml", "status"] == "skipped"
    assert "not an XML property list" in files.loc["AllXML/7.xml", "reason"]
    assert "cannot be read" in files.loc["AllDICOMs/7_ab_MG_R_ML_ANON.dcm", "reason"]
    assert "note: its outlines cannot be read, or some are missing: 7" in capsys.readouterr().out


def test_without_a_table_birads_and_density_are_unknown(tmp_path, capsys):
    image, findings = one_image(tmp_path, MASS, birads="")
    assert (image["density"], findings.loc[0, "pathology"]) == ("", "unknown")
    assert "note: no INbreast.csv" in capsys.readouterr().out


def test_of_a_spreadsheet_alone_the_user_is_told_how_to_save_it(tmp_path):
    (tmp_path / "INbreast.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(
        UserError, match=r"save its first sheet as CSV under the name INbreast\.csv"
    ):
        one_image(tmp_path, birads="")


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\nremoved;removed;R;MLO;201001;7;   3   ;4a\n;;;;;;;\n;;;;;Total;410;\n",
        'View,File Name,Laterality,ACR,Mass ,Bi-Rads,Notes\nMLO,7.0,R,3.0,X,4A,"a, b"\n,,,410,,,\n',
        "\ufeffView;File Name;Laterality;ACR;Bi-Rads\nMLO;7,0;R;3,0;4a\n;410;;;\n",
    ],
)
def test_the_table_is_read_as_it_comes_and_as_spreadsheets_save_it(tmp_path, capsys, text):
    (tmp_path / "INbreast.csv").write_text(text)
    image, findings = one_image(tmp_path, MASS, birads="")
    assert (image["density"], findings.loc[0, "pathology"]) == ("3", "birads_4a")
    assert "note" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("File Name;ACR\n7;2\n", "lacks the columns birads, laterality, view. It must have"),
        ("", "lacks the columns acr, birads, filename.*It must have Laterality"),
        (f"{HEADER}\nr;r;R;MLO;2010;7;2;seven\n", "line 2: Bi-Rads must be such as 2 or 4a"),
        (f"{HEADER}\nr;r;R;MLO;2010;7;2;1\nr;r;R;MLO;2010;7;2;2\n", "line 3: image 7 has another"),
    ],
)
def test_a_table_that_makes_no_sense_is_named(tmp_path, text, message):
    (tmp_path / "INbreast.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        one_image(tmp_path, birads="")


def test_what_name_and_table_and_files_disagree_about_is_told(tmp_path, capsys):
    rows = ["r;r;L;MLO;2010;7;2;1", "r;r;R;CC;2010;9;2;1"]
    (tmp_path / "INbreast.csv").write_text("\n".join([HEADER, *rows]))
    write_mammogram(tmp_path / "8_ab_MG_R_CC_ANON.dcm")
    one_image(tmp_path, birads="")
    assert capsys.readouterr().out.splitlines() == [
        "note: images of INbreast.csv that are not here: 9",
        "note: INbreast.csv has no row for it: 8",
        "note: laterality is R in the file's name, L in the table: 7",
    ]


def test_every_file_has_a_true_reason(tmp_path):
    one_image(tmp_path, MASS)
    dicom = tmp_path / "AllDICOMs"
    write_mammogram(tmp_path / "copy" / "7_ab_MG_R_ML_ANON.dcm")
    write_export(tmp_path / "copy" / "7.xml", MASS)
    write_export(tmp_path / "AllXML" / "55.xml", MASS)
    for name in ("._7_ab_MG_R_ML_ANON.dcm", ".DS_Store", "8_ab_MG_R_CC_ANON.dcm"):
        (dicom / name).write_bytes(b"\0\5\x16\7" * 50)
    (dicom / "9_ab_MG_R_CC_ANON.dcm").write_bytes(b"")
    (tmp_path / "AllXML" / "._7.xml").write_bytes(b"\0\5\x16\7")
    (tmp_path / "7.roi").write_bytes(b"bplist00")
    (tmp_path / "INbreast.xls").write_bytes(b"\xd0\xcf")
    files = catalog_of(tmp_path).files.set_index("file")
    assert files["status"].value_counts().to_dict() == {"skipped": 10, "failed": 2, "candidate": 1}
    assert dict(files["reason"]) == {
        "7.roi": "outlines, read from XML",
        "AllDICOMs/.DS_Store": "left behind by macOS",
        "AllDICOMs/._7_ab_MG_R_ML_ANON.dcm": "left behind by macOS",
        "AllDICOMs/7_ab_MG_R_ML_ANON.dcm": "",
        "AllDICOMs/8_ab_MG_R_CC_ANON.dcm": "not DICOM",
        "AllDICOMs/9_ab_MG_R_CC_ANON.dcm": "an empty file",
        "AllXML/._7.xml": "left behind by macOS",
        "AllXML/55.xml": "outlines of an image that is not here",
        "AllXML/7.xml": "outlines of AllDICOMs/7_ab_MG_R_ML_ANON.dcm",
        "INbreast.csv": "the table of the data set",
        "INbreast.xls": "a table or text",
        "copy/7.xml": "the same as AllXML/7.xml",
        "copy/7_ab_MG_R_ML_ANON.dcm": "the same as AllDICOMs/7_ab_MG_R_ML_ANON.dcm",
    }


def test_a_damaged_mammogram_stays_a_candidate_for_the_reader(tmp_path):
    one_image(tmp_path, MASS)
    file = tmp_path / "AllDICOMs" / "7_ab_MG_R_ML_ANON.dcm"
    file.write_bytes(file.read_bytes()[:153])
    assert list(catalog_of(tmp_path).images["spacing_mm"]) == [0.07]


def test_the_example_has_every_trap_of_the_set(example):
    catalog = catalog_of(example)
    images, findings = catalog.images, catalog.findings
    assert images.groupby("patient_id").size().value_counts().to_dict() == {4: 3, 2: 1}
    assert set(images["view"]) == {"CC", "MLO", "FB"}
    assert set(images["outcome"]) == {"normal", "abnormal", "unknown"}
    assert "" in set(images["density"])
    assert set(findings["geometry"]) == {"circle", "polygon"}
    assert {"mass", "spiculated_region", "cluster", "calcification", "unknown"} == set(
        findings["kind"]
    )
    assert {"birads_2"} < set(findings["pathology"])
    reasons = set(catalog.files["reason"])
    assert {"left behind by macOS", "outline of the pectoral muscle"} < reasons
    assert any("cannot be read" in reason for reason in reasons)


def test_the_example_is_the_same_each_time(tmp_path):
    once, again = tmp_path / "once", tmp_path / "again"
    for root in (once, again):
        build_example("inbreast", root, patients=2, spacing_mm=0.4, seed=1)
    first, second = list_files(once).files, list_files(again).files
    assert [file.name for file in first] == [file.name for file in second]
    assert all(
        a.path.read_bytes() == b.path.read_bytes() for a, b in zip(first, second, strict=True)
    )
