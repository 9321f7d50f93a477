import json
from functools import partial

import cv2
import imagecodecs
import numpy as np
import pytest

from pipeline.annotations.masks import contours
from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.ingest.ddsm import read
from pipeline.ingest.ddsm.case import read_case
from pipeline.ingest.ddsm.overlay import chain_outline, read_overlay
from pipeline.ingest.ddsm.pictures_folder import side_and_view
from pipeline.ingest.examples import build_example
from pipeline.ingest.examples.ddsm import chain_code
from pipeline.ingest.examples.tree import example_pictures
from pipeline.run.errors import UserError
from tests.ingest import catalogs

ICS = """ics_version 1.0
filename B-3024-1
DATE_OF_STUDY 2 7 1995
FILM 
DENSITY 4
DIGITIZER LUMISYS
SELECTED
LEFT_CC LINES 6 PIXELS_PER_LINE 8 BITS_PER_PIXEL 12 RESOLUTION 50 OVERLAY
LEFT_MLO LINES 6 PIXELS_PER_LINE 8 BITS_PER_PIXEL 12 RESOLUTION 50 NON_OVERLAY
RIGHT_CC LINES 6 PIXELS_PER_LINE 8 BITS_PER_PIXEL 12 RESOLUTION 50 NON_OVERLAY
"""
OVERLAY = """TOTAL_ABNORMALITIES 2 
ABNORMALITY 1 
LESION_TYPE CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED
LESION_TYPE MASS SHAPE OVAL MARGINS OBSCURED
ASSESSMENT 4 
SUBTLETY 3 
PATHOLOGY BENIGN_WITHOUT_CALLBACK 
TOTAL_OUTLINES 2 
BOUNDARY
5 1 2 2 4 4 6 6 0 0 # 
	CORE
6 2 2 6 # 
ABNORMALITY 2
LESION_TYPE MASS SHAPE IRREGULAR
PATHOLOGY MALIGNANT
TOTAL_OUTLINES 1
BOUNDARY
1 1 2 9 0 #
"""
FILM = np.arange(48, dtype=np.uint16).reshape(6, 8) * 85  # up to 3995
catalog_of = partial(catalogs.catalog_of, read)


def small_case(folder, *, ics=ICS, overlay=OVERLAY, views=("LEFT_CC", "LEFT_MLO", "RIGHT_CC")):
    """Case B-3024-1 with films of 6 x 8 pixels as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "B-3024-1.ics").write_text(ics)
    if overlay:
        (folder / "B_3024_1.LEFT_CC.OVERLAY").write_text(overlay)
    for view in views:
        cv2.imwrite(str(folder / f"B_3024_1.{view}.png"), FILM)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    root = tmp_path_factory.mktemp("ddsm") / "tree"
    build_example("ddsm", root, patients=4, spacing_mm=0.4, seed=1)
    return root


@pytest.fixture(scope="module")
def drawn():
    """The pictures of the example by number of the case, side and view."""
    pictures = example_pictures(range(4), spacing_mm=0.4, seed=1)
    return {(picture.patient + 1, picture.side, picture.view): picture for picture in pictures}


def test_a_chain_goes_up_for_0_and_then_clockwise():
    assert chain_outline(5, 9, np.arange(8)) == [
        [9, 5], [8, 5], [7, 6], [7, 7], [8, 8], [9, 8], [10, 7], [10, 6]
    ]  # fmt: skip


def test_an_open_chain_keeps_its_last_point():
    assert chain_outline(0, 0, np.array([2, 2, 4, 4])) == [[0, 0], [0, 2], [2, 2]]


def test_the_chain_of_a_mask_is_its_contour():
    mask = cv2.ellipse(np.zeros((60, 80), np.uint8), (40, 30), (21, 13), 20, 0, 360, 1, -1)
    col, row, *codes, end = chain_code(mask).split()
    assert end == "#"
    outline = np.array(chain_outline(int(col), int(row), np.array(codes, int)))
    again = cv2.fillPoly(np.zeros_like(mask), [outline[:, ::-1].astype(np.int32)], 1)
    np.testing.assert_array_equal(again, mask)
    assert len(contours(mask.astype(bool))) == 1


def test_the_boundary_is_the_outline_and_all_lesion_types_are_kept(tmp_path):
    (tmp_path / "a.OVERLAY").write_text(OVERLAY)
    first, second = read_overlay(tmp_path / "a.OVERLAY")
    assert first["coordinates"] == [[1, 5], [1, 7], [3, 7], [3, 5]]
    assert (first["kind"], first["pathology"]) == ("calcification", "benign_without_callback")
    assert first["note"].endswith("CLUSTERED; MASS SHAPE OVAL MARGINS OBSCURED")
    assert (second["kind"], second["pathology"]) == ("mass", "malignant")
    assert second["geometry"] == "none"  # 9 is no direction


def test_an_overlay_that_is_cut_off_is_noticed(tmp_path):
    (tmp_path / "a.OVERLAY").write_text(OVERLAY[: OVERLAY.index("ABNORMALITY 2")])
    with pytest.raises(ValueError, match="says 2 abnormalities and has 1"):
        read_overlay(tmp_path / "a.OVERLAY")


def test_numbers_that_are_none_of_an_image_make_no_outline(tmp_path):
    (tmp_path / "a.OVERLAY").write_text(OVERLAY.replace("5 1 2 2", f"5 1 2 {'2' * 30}"))
    assert [f["geometry"] for f in read_overlay(tmp_path / "a.OVERLAY")] == ["none", "none"]


def test_a_case_says_size_resolution_density_and_digitiser(tmp_path):
    (tmp_path / "B-3024-1.ics").write_text(ICS)
    case = read_case(tmp_path / "B-3024-1.ics")
    assert (case.name, case.density, case.digitiser) == ("B_3024_1", "4", "LUMISYS")
    film = case.films["LEFT_CC"]
    assert (film.height, film.width, film.bits, film.spacing_mm) == (6, 8, 12, 0.05)
    assert film.marked and not case.films["RIGHT_CC"].marked


def test_the_rows_of_a_small_case(tmp_path):
    small_case(tmp_path / "tree" / "benigns" / "benign_01" / "case3024")
    catalog = catalog_of(tmp_path / "tree", tmp_path / "dicom")
    images = catalog.images.set_index("image_id")
    assert list(images.index) == ["B_3024_1.LEFT_CC", "B_3024_1.LEFT_MLO", "B_3024_1.RIGHT_CC"]
    # Only the other view of the left breast is marked, so its MLO view is no normal film.
    assert list(images["outcome"]) == ["abnormal", "unknown", "normal"]
    assert list(images["laterality"]) == ["L", "L", "R"]
    assert list(images["view"]) == ["CC", "MLO", "CC"]
    assert set(images["patient_id"]) == {"B_3024"} and set(images["spacing_mm"]) == {0.05}
    assert set(images["scanner"]) == {"LUMISYS"} and set(images["site"]) == {"B"}
    assert list(catalog.findings["geometry"]) == ["polygon", "none"]
    assert json.loads(catalog.findings.loc[0, "coordinates"])[1] == [1, 7]


def test_marks_that_are_announced_and_not_there_make_the_film_abnormal_somewhere(tmp_path):
    small_case(tmp_path / "tree", overlay="")
    catalog = catalog_of(tmp_path / "tree", tmp_path / "dicom")
    image = catalog.images.set_index("image_id").loc["B_3024_1.LEFT_CC"]
    assert image["outcome"] == "abnormal"
    assert list(catalog.findings["geometry"]) == ["none"]
    reason = catalog.files.set_index("file").loc["B_3024_1.LEFT_CC.png", "reason"]
    assert "there is no OVERLAY file" in reason


@pytest.mark.parametrize(
    ("volume", "outcome"), [("normals/normal_01", "normal"), ("cancers/cancer_07", "unknown")]
)
def test_a_case_without_marks_is_normal_unless_its_volume_says_otherwise(tmp_path, volume, outcome):
    ics = ICS.replace(" OVERLAY", " NON_OVERLAY")
    small_case(tmp_path / "tree" / volume, ics=ics, overlay="")
    assert set(catalog_of(tmp_path / "tree", tmp_path / "dicom").images["outcome"]) == {outcome}


def test_the_films_of_the_example_are_read_back_exactly_from_every_form(example, drawn, tmp_path):
    catalog = catalog_of(example, tmp_path / "dicom")
    assert catalog.of_hospital == ()  # published: no pseudonyms
    for image in catalog.images.itertuples():
        mammogram = read_mammogram(image.file, settings=DicomSettings())
        picture = drawn[int(image.patient_id[-4:]), image.laterality, image.view]
        bits = 4 if image.scanner == "DBA" else 0
        np.testing.assert_array_equal(
            np.rint(mammogram.pixels * 65535), picture.pixels.astype(int) << bits
        )
        assert (mammogram.laterality, mammogram.view) == (image.laterality, image.view)
        assert mammogram.spacing_mm == 0.4
    suffixes = {name.rsplit(".", 1)[1] for name in catalog.images["source"]}
    assert suffixes == {"LJPEG", "png", "tif"}
    assert len(catalog.images) == 16


def test_the_outlines_of_the_example_are_those_of_its_lesions(example, drawn, tmp_path):
    catalog = catalog_of(example, tmp_path / "dicom")
    outlined = catalog.findings[catalog.findings["geometry"] == "polygon"]
    images = catalog.images.set_index("image_id")
    for finding in outlined.itertuples():
        image = images.loc[finding.image_id]
        number = int(finding.finding_id.rpartition("-")[2])
        key = (int(image["patient_id"][-4:]), image["laterality"], image["view"])
        truth = drawn[key].lesions[number - 1].outline
        corners = np.array(json.loads(finding.coordinates))
        np.testing.assert_allclose(corners.min(axis=0), truth.min(axis=0), atol=1)
        np.testing.assert_allclose(corners.max(axis=0), truth.max(axis=0), atol=1)
    assert len(outlined) > 5


def test_every_other_file_of_the_example_says_what_it_is(example, tmp_path):
    files = catalog_of(example, tmp_path / "dicom").files
    reasons = {
        name.removeprefix("cases/normals/normal_01/case0001/"): reason
        for name, reason in zip(files["file"], files["reason"], strict=True)
    }
    assert reasons["TAPE_A_0001_1.COMB.16_PGM"] == "an overview of all films of a case"
    assert reasons["A_0001_1.LEFT_MLO.LJPEG.1"].startswith("grey values without a header")
    assert reasons["A_0001_1.LEFT_MLO.jpg"].startswith("a picture with lossy compression")
    assert reasons["A_0001_1.LEFT_MLO.LJPEG"].startswith("the same film as a .png")
    assert reasons["A-0001-1.ics"] == "the description of a case"


def test_films_that_do_not_fit_their_case_fail_by_themselves(tmp_path):
    root = tmp_path / "tree"
    small_case(root, views=("LEFT_CC",))
    cv2.imwrite(str(root / "B_3024_1.RIGHT_CC.png"), FILM.T)
    deep = imagecodecs.ljpeg_encode(FILM * 16, bitspersample=16)
    (root / "B_3024_1.LEFT_MLO.LJPEG").write_bytes(deep)
    (root / "B_3024_1.RIGHT_MLO.png").write_bytes(b"no picture")
    cv2.imwrite(str(root / "B_3025_1.LEFT_CC.png"), FILM)
    files = catalog_of(root, tmp_path / "dicom").files.set_index("file")
    ends = {name: (row["status"], row["reason"]) for name, row in files.iterrows()}
    assert ends["B_3024_1.LEFT_CC.png"][0] == "candidate"
    status, reason = ends["B_3024_1.RIGHT_CC.png"]
    assert status == "failed" and "8 x 6 pixels and not 6 x 8" in reason
    status, reason = ends["B_3024_1.LEFT_MLO.LJPEG"]
    assert status == "failed" and "more than 12 bits; convert the film" in reason
    assert ends["B_3024_1.RIGHT_MLO.png"][1] == "B-3024-1.ics does not name RIGHT_MLO"
    assert ends["B_3025_1.LEFT_CC.png"][1] == "there is no B-3025-1.ics of its case"


def test_a_number_of_bits_that_is_none_costs_no_other_film(tmp_path):
    small_case(
        tmp_path / "tree", ics=ICS.replace("12 RESOLUTION 50 OVERLAY", f"{10**15} RESOLUTION 50")
    )
    (tmp_path / "tree" / "B_3024_1.LEFT_CC.LJPEG").write_bytes(imagecodecs.ljpeg_encode(FILM))
    cv2.imwrite(str(tmp_path / "tree" / "B_3024_1.RIGHT_CC.png"), FILM)
    files = catalog_of(tmp_path / "tree", tmp_path / "dicom").files.set_index("file")
    assert files.loc["B_3024_1.RIGHT_CC.png", "status"] == "candidate"


def test_films_of_a_case_with_an_unusable_description_fail(tmp_path):
    small_case(tmp_path / "tree", ics="LEFT_CC LINES many\n")
    small_case(tmp_path / "tree" / "good" / "one")
    (tmp_path / "tree" / "C-0001-1.ics").write_text("LEFT_CC LINES many\n")
    cv2.imwrite(str(tmp_path / "tree" / "C_0001_1.LEFT_CC.png"), FILM)
    files = catalog_of(tmp_path / "tree", tmp_path / "dicom").files.set_index("file")
    assert files.loc["C_0001_1.LEFT_CC.png", "status"] == "failed"
    assert "the line of LEFT_CC makes no sense" in files.loc["C-0001-1.ics", "reason"]


def test_wrapping_again_leaves_the_files_alone(example, tmp_path):
    catalog_of(example, tmp_path / "dicom")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "dicom").iterdir()}
    catalog_of(example, tmp_path / "dicom")
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "dicom").iterdir()} == before


def write_pictures(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / name), FILM)


def test_pictures_whose_name_says_no_side_or_view_are_told(tmp_path, capsys):
    write_pictures(tmp_path / "w", *(f"w1/{name}.png" for name in ("LEFT_CC", "links_CC", "RIGHT")))
    catalog_of(tmp_path / "w", tmp_path / "dicom", spacing_mm=0.05)
    told = capsys.readouterr().out
    assert "note: its name does not say side and view, as LEFT_CC does: one of them is" in told
    assert told.rstrip().endswith(": RIGHT, links_CC")


def test_pictures_with_findings_csv_need_no_ics(tmp_path):
    root = tmp_path / "pictures"
    write_pictures(root, "woman1/LEFT_CC.png", "woman1/right-mlo.tif", "woman2/7.png")
    write_pictures(root, "masks/m.png", "woman2/view.jpg")
    (root / "findings.csv").write_text(
        "file,kind,pathology,mask,patient_id\n"
        "woman1/LEFT_CC.png,mass,malignant,masks/m.png,\nwoman1/right-mlo.tif,normal,,,\n"
        "7.png,normal,,,somebody\n"
    )
    catalog = catalog_of(root, tmp_path / "dicom", spacing_mm=0.05)
    images = catalog.images.set_index("image_id")
    assert list(images.index) == ["7", "LEFT_CC", "right-mlo"]
    assert list(images["patient_id"]) == ["somebody", "woman1", "woman1"]
    assert list(images["laterality"]) == ["", "L", "R"]
    assert list(images["outcome"]) == ["normal", "abnormal", "normal"]
    assert set(images["spacing_mm"]) == {0.05}
    files = catalog.files.set_index("file")["reason"]
    assert files["masks/m.png"] == "the mask of a finding"
    assert files["woman2/view.jpg"].startswith("a picture with lossy compression")
    pixels = read_mammogram(images.loc["7", "file"], settings=DicomSettings()).pixels
    np.testing.assert_array_equal(np.rint(pixels * 65535), FILM)


def test_a_picture_that_cannot_be_decoded_fails_and_its_finding_goes_with_it(tmp_path):
    root = tmp_path / "pictures"
    write_pictures(root, "w/a.png")
    (root / "w" / "b.png").write_bytes(b"no picture")
    (root / "findings.csv").write_text("file,kind\nb.png,mass\na.png,normal\n")
    catalog = catalog_of(root, tmp_path / "dicom", spacing_mm=0.05)
    assert catalog.files.set_index("file").loc["w/b.png", "status"] == "failed"
    assert list(catalog.images["image_id"]) == ["a"] and catalog.findings.empty


def test_pictures_without_spacing_are_refused(tmp_path):
    write_pictures(tmp_path / "pictures", "w/a.png")
    with pytest.raises(UserError, match=r"data\.spacing_mm=0\.05"):
        catalog_of(tmp_path / "pictures", tmp_path / "dicom")


@pytest.mark.parametrize(
    ("circles", "message"),
    [
        ("w/a.png,mass,5,30,4\n", "line 2: .*row and column exchanged .*Give the row first"),
        ("w/a.png,mass,5,90,4\nw/b.tif,mass,90,5,4\n", "line 2: it lies outside the image"),
    ],
)
def test_places_that_do_not_fit_the_pictures_are_refused(tmp_path, circles, message):
    root = tmp_path / "pictures"
    for name in ("w/a.png", "w/b.tif"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / name), np.zeros((40, 20), np.uint16))
    (root / "findings.csv").write_text(f"file,kind,row,col,radius\n{circles}")
    with pytest.raises(UserError, match=message):
        catalog_of(root, tmp_path / "dicom", spacing_mm=0.05)


@pytest.mark.parametrize(
    "name",
    [
        *("a.png", "benign/a.png", "train/Masses/a.png", "Positive/a.png", "Normal cases/a.png"),
        *("left/a.png", "CC/a.png", "LMLO/a.png", "BI-RADS 4b/a.png", "class_1/a.png"),
    ],
)
def test_a_picture_whose_patient_nobody_names_is_refused(tmp_path, name):
    write_pictures(tmp_path / "pictures", name)
    with pytest.raises(UserError, match=f"Nobody says whose picture {name} is"):
        catalog_of(tmp_path / "pictures", tmp_path / "dicom", spacing_mm=0.05)


@pytest.mark.parametrize("folder", ["w1", "10", "001", "Miller", "case 1", "P_00001", "L12"])
def test_a_folder_of_a_woman_is_her(tmp_path, folder):
    write_pictures(tmp_path / "pictures", f"{folder}/a.png")
    catalog = catalog_of(tmp_path / "pictures", tmp_path / "dicom", spacing_mm=0.05)
    assert list(catalog.images["patient_id"]) == [folder]


def test_a_folder_without_pictures_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"neither \.ics files of DDSM nor pictures"):
        catalog_of(tmp_path, tmp_path / "dicom")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("w/A_0001_1.LEFT_CC.png", ("L", "CC")),
        ("12-rmlo.tif", ("R", "MLO")),
        ("12-ccr.tif", ("R", "CC")),
        ("0012_R_MLO_2.png", ("R", "MLO")),
        ("left_right_cc.png", ("", "CC")),
        ("calc.png", ("", "")),
    ],
)
def test_side_and_view_come_from_the_name_of_the_file(name, expected):
    assert side_and_view(name) == expected
