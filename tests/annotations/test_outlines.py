"""Findings of the catalog as outlines."""

import json
import re

import cv2
import numpy as np
import pandas as pd
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from pipeline.annotations.findings import check_choice, counts, image_outlines
from pipeline.annotations.masks import MaskJob, NoOutline, contours, mask_polygons, outline_mask
from pipeline.annotations.outlines import Circle, Outline, read_outlines, write_outlines
from pipeline.config import LabelSettings
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

SQUARE = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 2.0], [2.0, 0.0]])


def findings(*rows) -> pd.DataFrame:
    columns = ["finding_id", "kind", "pathology", "geometry", "coordinates"]
    table = pd.DataFrame(rows, columns=columns)
    table["coordinates"] = [json.dumps(value) for value in table["coordinates"]]
    return table


def outline(table, *, labels=None, outcome="abnormal", masks=None):
    return image_outlines(
        table,
        labels=labels or LabelSettings(),
        height=100,
        width=80,
        spacing_mm=0.1,
        outcome=outcome,
        complete="yes",
        masks=masks or {},
    )


def save(path, mask):
    assert cv2.imwrite(str(path), mask)
    return str(path)


def test_circle_box_and_polygon_become_outlines_ordered_by_id():
    found = outline(
        findings(
            ("c", "mass", "benign", "polygon", [[1, 2], [3, 4], [5, 2]]),
            ("a", "mass", "malignant", "circle", {"row": 9, "col": 8, "radius": 7}),
            ("b", "mass", "benign", "box", {"row0": 1, "col0": 2, "row1": 3, "col1": 4}),
        )
    )
    assert [each.finding_id for each in found.outlines] == ["a", "b", "c"]
    a, b, c = (each.shape() for each in found.outlines)
    assert a == {"circle": {"row": 9.0, "col": 8.0, "radius": 7.0}, "polygons": []}
    assert b["polygons"] == [[[1.0, 2.0], [1.0, 4.0], [3.0, 4.0], [3.0, 2.0]]]
    assert c == {"circle": None, "polygons": [[[1.0, 2.0], [3.0, 4.0], [5.0, 2.0]]]}
    assert not found.unlocated
    assert found.rejected == {}


def test_which_findings_count_is_chosen_by_kind_and_by_pathology():
    choice = LabelSettings(kinds=("mass",), positive=("malignant", "unknown"))
    assert counts("mass", "malignant", choice)
    assert not counts("mass", "benign", choice)
    assert not counts("calcification", "malignant", choice)
    assert counts("calcification", "benign", LabelSettings())
    table = findings(("a", "mass", "benign", "circle", {"row": 9, "col": 8, "radius": 7}))
    assert outline(table, labels=choice).outlines[0].positive is False


def test_a_choice_that_no_finding_has_is_refused_with_those_there_are():
    table = findings(("a", "mass", "benign", "none", {}), ("b", "asymmetry", "benign", "none", {}))
    check_choice(table, LabelSettings(kinds=("mass",)))
    with pytest.raises(UserError, match=r"labels\.kinds names masss, .* among asymmetry, mass"):
        check_choice(table, LabelSettings(kinds=("masss",)))


@pytest.mark.parametrize(
    ("outcome", "unlocated"), [("normal", False), ("abnormal", True), ("unknown", True)]
)
def test_without_findings_only_a_normal_image_is_a_source_of_negatives(outcome, unlocated):
    assert outline(findings(), outcome=outcome).unlocated is unlocated


def test_a_finding_without_geometry_makes_the_image_unlocated():
    found = outline(
        findings(
            ("a", "mass", "benign", "none", {}),
            ("b", "mass", "benign", "circle", {"row": 9, "col": 8, "radius": 7}),
        )
    )
    assert found.unlocated
    assert [each.finding_id for each in found.outlines] == ["b"]


def test_a_box_that_leaves_the_image_is_cut_off_at_its_edge():
    table = findings(("a", "mass", "benign", "box", {"row0": -9, "col0": 5, "row1": 9, "col1": 99}))
    rows, cols = outline(table).outlines[0].polygons[0].T
    assert (min(rows), max(rows), min(cols), max(cols)) == (-0.5, 9.0, 5.0, 79.5)


@pytest.mark.parametrize(
    ("geometry", "coordinates", "reason"),
    [
        ("circle", {"row": 150, "col": 10, "radius": 20}, "it lies outside the image"),
        ("circle", {"row": 102, "col": 10, "radius": 20}, "its centre lies outside the image"),
        ("box", {"row0": 101, "col0": 1, "row1": 120, "col1": 5}, "it lies outside the image"),
        ("polygon", [[1, 101], [1, 110], [9, 105]], "it lies outside the image"),
    ],
)
def test_an_outline_outside_the_image_is_set_aside_with_a_reason(geometry, coordinates, reason):
    found = outline(findings(("a", "mass", "benign", geometry, coordinates)))
    assert found.outlines == []
    assert found.unlocated
    assert found.rejected == {"a": f"{reason} of 100 x 80 pixels"}


@pytest.mark.parametrize(
    ("geometry", "coordinates"),
    [
        ("polygon", [[1, 81], [1, 99], [9, 90]]),
        ("circle", {"row": 10, "col": 88, "radius": 9}),
        ("box", {"row0": 1, "col0": 79, "row1": 9, "col1": 99}),
    ],
)
def test_exchanged_rows_and_columns_are_set_aside_and_called_so(geometry, coordinates):
    found = outline(findings(("a", "mass", "benign", geometry, coordinates)))
    assert found.outlines == [] and found.unlocated
    assert found.rejected["a"].endswith("with row and column exchanged it would lie inside")


@pytest.mark.parametrize(
    ("geometry", "coordinates", "reason"),
    [
        ("box", {"row0": 0.45, "col0": 0.2, "row1": 0.52, "col1": 0.28}, "shares of the image"),
        ("box", {"row0": 0, "col0": 0, "row1": 1, "col1": 1}, "shares of the image"),
        ("circle", {"row": 0.58, "col": 0.27, "radius": 0.06}, "shares of the image"),
        ("circle", {"row": 0.58, "col": 0.27, "radius": 30}, "shares of the image"),
        ("polygon", [[0.1, 0.1], [0.1, 0.5], [0.6, 0.3]], "shares of the image"),
        ("circle", {"row": 50, "col": 40, "radius": 0.3}, "smaller than a pixel (0.6 x 0.6)"),
        ("polygon", [[50, 40], [50.2, 40], [50, 40.9]], "smaller than a pixel"),
    ],
)
def test_shares_of_the_image_and_specks_are_no_outlines(geometry, coordinates, reason):
    found = outline(findings(("a", "mass", "benign", geometry, coordinates)))
    assert found.outlines == [] and found.unlocated
    assert reason in found.rejected["a"]


@pytest.mark.parametrize(
    ("geometry", "coordinates"),
    [
        ("circle", {"row": 0, "col": 0, "radius": 12}),
        ("circle", {"row": 5, "col": 5, "radius": 0.5}),
        ("box", {"row0": 0, "col0": 0, "row1": 2, "col1": 1}),
        ("polygon", [[-0.5, 70], [-0.5, 85], [60, 79.5]]),
    ],
)
def test_a_small_outline_at_the_edge_stays(geometry, coordinates):
    assert outline(findings(("a", "mass", "benign", geometry, coordinates))).rejected == {}


def test_the_outline_of_a_mask_runs_through_pixel_centres():
    mask = np.zeros((9, 9), bool)
    mask[2:5, 3:8] = True
    (polygon,) = contours(mask)
    assert sorted(polygon) == [[2.0, 3.0], [2.0, 7.0], [4.0, 3.0], [4.0, 7.0]]


def test_the_parts_of_a_mask_are_polygons_and_its_holes_are_filled():
    mask = np.zeros((30, 30), bool)
    mask[2:12, 2:12] = True
    mask[5:8, 5:8] = False
    mask[20, 20] = True
    assert [len(polygon) for polygon in contours(mask)] == [4, 1]


def test_a_mask_survives_outlining_and_drawing():
    rows, cols = np.mgrid[0:200, 0:150]
    mask = (rows - 90) ** 2 / 60**2 + (cols - 70) ** 2 / 35**2 < 1
    polygons = tuple(np.array(p) for p in contours(mask))
    drawn = Outline("a", "mass", "benign", True, polygons=polygons).contains(rows, cols)
    assert (drawn & mask).sum() / (drawn | mask).sum() > 0.985
    assert sum(map(len, polygons)) < 60


def test_a_mask_file_is_outlined(tmp_path):
    mask = np.zeros((100, 80), np.uint8)
    mask[10:21, 30:41] = 255
    file = save(tmp_path / "mask.png", mask)
    masks = {"a": outline_mask(MaskJob(file, 100, 80, tmp_path))}
    found = outline(findings(("a", "mass", "benign", "mask", {"file": file})), masks=masks)
    (polygon,) = found.outlines[0].polygons
    assert sorted(polygon.tolist()) == [[10.0, 30.0], [10.0, 40.0], [20.0, 30.0], [20.0, 40.0]]
    assert not found.unlocated


def test_a_mask_may_be_a_dicom_file(tmp_path):
    mask = np.zeros((100, 80), np.uint8)
    mask[10:21, 30:41] = 255
    file = Dataset()
    file.SOPClassUID, file.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    file.set_pixel_data(mask, "MONOCHROME2", 8)
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.save_as(tmp_path / "mask", enforce_file_format=True)
    (polygon,), _ = mask_polygons(tmp_path / "mask", height=100, width=80)
    assert sorted(polygon) == [[10.0, 30.0], [10.0, 40.0], [20.0, 30.0], [20.0, 40.0]]


def test_a_mask_of_another_size_is_resized_where_the_aspect_ratio_agrees(tmp_path):
    mask = np.zeros((50, 40), np.uint8)
    mask[5:10, 15:20] = 1
    file = tmp_path / "mask.png"
    save(file, mask)
    (polygon,), _ = mask_polygons(file, height=100, width=80)
    rows, cols = zip(*polygon, strict=True)
    assert (min(rows), max(rows), min(cols), max(cols)) == (10, 19, 30, 39)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (np.eye(60, 80), r"60 x 80 pixels: its aspect ratio differs .* 100 x 80, by more than 1 %"),
        (np.zeros((100, 80)), "outlines nothing: all its pixels are 0"),
        (np.arange(8000).reshape(100, 80) % 3, "must have two values"),
    ],
)
def test_an_unusable_mask_is_set_aside_with_a_reason(tmp_path, mask, reason):
    file = save(tmp_path / "mask.png", mask.astype(np.uint8))
    masks = {"a": outline_mask(MaskJob(file, 100, 80, tmp_path))}
    table = findings(("a", "mass", "benign", "mask", {"file": file}))
    found = outline(table, masks=masks)
    assert found.outlines == []
    assert found.unlocated
    assert re.search(reason, found.rejected["a"])


@pytest.mark.parametrize("content", [b"", b"not a picture", bytes(128) + b"DICM" + bytes(40)])
def test_a_damaged_mask_is_set_aside_with_a_reason(tmp_path, content):
    file = tmp_path / "mask.png"
    file.write_bytes(content)
    with pytest.raises(NoOutline, match="mask"):
        mask_polygons(file, height=10, width=10)


def test_a_missing_mask_is_set_aside_with_a_reason(tmp_path):
    with pytest.raises(NoOutline, match="cannot be read: No such file"):
        mask_polygons(tmp_path / "none.png", height=10, width=10)


def test_the_centre_of_several_parts_is_weighted_by_area():
    parts = (SQUARE, SQUARE * 2 + [0, 10])
    assert Outline("a", "mass", "benign", True, polygons=parts).centre == (1.8, 9.8)
    points = (np.array([[0.0, 0.0]]), np.array([[4.0, 2.0]]))
    assert Outline("a", "calc", "benign", True, polygons=points).centre == (2.0, 1.0)


def test_curves_for_drawing_are_closed():
    shape = Outline("a", "mass", "benign", True, circle=Circle(5, 6, 3))
    (curve,) = shape.curves()
    np.testing.assert_allclose(curve[0], curve[-1])
    np.testing.assert_allclose(np.hypot(curve[:, 0] - 5, curve[:, 1] - 6), 3)


def test_an_outline_contains_its_edge_and_a_small_part_counts_as_a_disc():
    square = Outline("a", "mass", "benign", True, polygons=(SQUARE, SQUARE + np.array([0, 90])))
    assert square.contains([0, 1, 2, 3], 2).tolist() == [True, True, True, False]
    assert square.contains(1, [91, 95, 96.1], min_radius_px=5).tolist() == [True, True, False]


def test_outlines_come_back_as_they_were(tmp_path):
    run = RunFolder(tmp_path)
    circle = Outline("a", "mass", "benign", True, circle=Circle(9.5, 8, 7))
    parts = Outline("b", "calc", "unknown", False, polygons=(SQUARE, SQUARE[:1] / 3))
    write_outlines(run, {"y": [], "x": [circle, parts]})
    back = read_outlines(run)
    assert list(back) == ["x", "y"]
    assert back["x"][0] == circle
    assert back["x"][1].shape() == parts.shape()
    assert (back["x"][1].kind, back["x"][1].positive, back["y"]) == ("calc", False, [])


def test_outlines_are_written_one_image_a_line(tmp_path):
    run = RunFolder(tmp_path)
    point = Outline("f", "mass", "benign", True, polygons=(np.array([[0.5, 1.0]]),))
    write_outlines(run, {"b": [], "a": [point]})
    assert run.outlines.read_text() == (
        '{\n"a": [{"finding_id": "f", "kind": "mass", "pathology": "benign", "positive": true, '
        '"circle": null, "polygons": [[[0.5, 1.0]]]}],\n"b": []\n}\n'
    )


def test_no_outlines_at_all_are_valid_json(tmp_path):
    write_outlines(RunFolder(tmp_path), {})
    assert read_outlines(RunFolder(tmp_path)) == {}


@pytest.mark.parametrize("content", ["{", '{"a": [{"finding_id": "f"}]}', '{"a": [3]}', "[]"])
def test_damaged_outlines_say_how_they_are_written_anew(tmp_path, content):
    run = RunFolder(tmp_path)
    run.outlines.write_text(content)
    with pytest.raises(UserError, match=r"outlines\.json is damaged: .*make preprocess FORCE=1"):
        read_outlines(run)


def test_missing_outlines_say_which_command_writes_them(tmp_path):
    with pytest.raises(UserError, match=r"is missing\. make preprocess writes it"):
        read_outlines(RunFolder(tmp_path))
