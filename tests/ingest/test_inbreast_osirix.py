import plistlib

import pytest

from pipeline.ingest.inbreast.osirix import Regions, Roi, read_regions


def write(path, *rois, announced=None):
    count = len(rois) if announced is None else announced
    image = {"ImageIndex": 0, "NumberOfROIs": count, "ROIs": list(rois)}
    path.write_bytes(plistlib.dumps({"Images": [image]}))
    return path


def roi(name, *points, count=None):
    return {
        "Name": name,
        "NumberOfPoints": len(points) if count is None else count,
        "Point_px": list(points),
    }


def test_points_are_x_and_y_and_become_row_and_column(tmp_path):
    path = write(tmp_path / "1.xml", roi("Mass", "(2.5, 7)", "(3,8.25)", "( 4.000000, -1e1 )"))
    assert read_regions(path) == Regions((Roi("Mass", ((7, 2.5), (8.25, 3), (-10, 4))),))


def test_regions_that_the_file_announces_and_does_not_have_are_counted(tmp_path):
    path = write(tmp_path / "1.xml", roi("Mass", "(1, 2)"), announced=3)
    assert read_regions(path).missing == 2


@pytest.mark.parametrize(
    ("region", "problem"),
    [
        (roi("Mass", "(1, 2)", "(3, 4)", count=5), "2 points instead of 5"),
        (roi("Mass", "(1, 2)", "(1, 2, 3)"), r"'(1, 2, 3)' is no point"),
        (roi("Mass", "(1, two)"), r"'(1, two)' is no point"),
        (roi("Mass", "(nan, 2)"), r"'(nan, 2)' is no point"),
        (roi("Mass", 5), "5 is no point"),
        (roi("Mass"), "it has no points"),
        ({"Name": "Mass"}, "it has no points"),
    ],
)
def test_a_region_whose_points_make_no_sense_says_why(tmp_path, region, problem):
    (found,) = read_regions(write(tmp_path / "1.xml", region)).rois
    assert found.points == ()
    assert problem in found.problem


def test_a_region_without_a_name_has_a_blank_one(tmp_path):
    (found,) = read_regions(write(tmp_path / "1.xml", {"Point_px": ["(1, 2)"]})).rois
    assert found == Roi("", ((2, 1),))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an XML property list"),
        (plistlib.dumps({"Images": []})[:150], "not an XML property list"),
        (plistlib.dumps({"Images": []}, fmt=plistlib.FMT_BINARY), "not an XML property list"),
        (plistlib.dumps([1, 2]), "has no list of Images"),
        (plistlib.dumps({"ROIPoints": ["{1, 2}"]}), "has no list of Images"),
        (plistlib.dumps({"Images": ["a"]}), "has no list of Images"),
        (plistlib.dumps({"Images": [{"ROIs": "none"}]}), "ROIs is not a list"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content, message):
    (tmp_path / "1.xml").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_regions(tmp_path / "1.xml")


def test_entities_are_never_expanded(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("(1, 2)")
    text = plistlib.dumps({"Images": [{"ROIs": [roi("Mass", "POINT")]}]}).decode()
    for value in (f'SYSTEM "{secret.as_uri()}"', '"(1, 2)"'):
        entity = f"<!DOCTYPE plist [<!ENTITY e {value}>]>"
        body = text[text.index("<plist") :].replace("POINT", "&e;")
        (tmp_path / "1.xml").write_text(f'<?xml version="1.0"?>{entity}{body}')
        with pytest.raises(ValueError, match="not an XML property list"):
            read_regions(tmp_path / "1.xml")


def test_a_damaged_file_is_read_or_refused_but_never_crashes(tmp_path):
    whole = write(tmp_path / "1.xml", roi("Mass", "(2.5, 7)"), roi("", "(3, 8)")).read_bytes()
    words = (
        b"<integer>",
        b"<array>",
        b"</array>",
        b"<string>",
        b"<date>x</date>",
        b"<data>!</data>",
    )
    read = refused = 0
    for place in range(0, len(whole), 29):
        for word in (*words, b"", b"\xff"):
            (tmp_path / "2.xml").write_bytes(whole[:place] + word + whole[place + 5 :])
            try:
                read_regions(tmp_path / "2.xml")
                read += 1
            except ValueError:
                refused += 1
    assert read and refused
