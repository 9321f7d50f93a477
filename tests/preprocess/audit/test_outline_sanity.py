"""Outlines that cannot be right are told from those that can."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.annotations.geometry import Geometry
from pipeline.annotations.outlines import Circle, Outline
from pipeline.config import ImageSettings
from pipeline.preprocess.audit import outline_sanity
from pipeline.preprocess.audit.outline_sanity import (
    Quarantined,
    audit_outlines,
    outline_problem,
    outline_problems,
)
from pipeline.preprocess.store.standardise import standardise
from tests.preprocess.films import film_mammogram, read_film

# 400 x 320 pixels of 0.5 mm, cut from row 50 of an image of the same spacing.
GEOMETRY = Geometry(
    original_height=450,
    original_width=320,
    height=400,
    width=320,
    row0=50,
    col0=0,
    row_scale=1.0,
    col_scale=1.0,
    flipped=False,
    spacing_mm=0.5,
)
BREAST = np.zeros((50, 40), bool)
BREAST[10:40, :20] = True  # rows 80 to 320, columns 0 to 160


def circle(row, col, radius) -> Outline:
    return Outline("a", "mass", "malignant", True, circle=Circle(row, col, radius))


def polygon(*points) -> Outline:
    return Outline("a", "mass", "malignant", True, polygons=(np.array(points, np.float64),))


def problem(outline) -> str:
    return outline_problem(outline, BREAST, GEOMETRY)


def test_an_outline_in_the_breast_is_fine():
    assert problem(circle(200, 80, 30)) == ""
    assert problem(polygon((100, 20), (100, 60), (140, 60), (140, 20))) == ""


def test_an_outline_in_the_air_is_named_with_its_share_inside():
    assert problem(circle(200, 260, 30)) == "lies outside the breast (0 % of it inside)"
    corners = (200, 139.5), (200, 239.5), (220, 239.5), (220, 139.5)  # 20 of 100 columns inside
    assert problem(polygon(*corners)) == "lies outside the breast (20 % of it inside)"


@pytest.mark.parametrize(
    ("outline", "meant"),
    [
        # The film has 450 rows and 320 columns, its breast rows 130 to 370 and columns 0 to 160.
        (circle(80, 250, 20), "rows and columns exchanged"),
        (polygon((60, 230), (60, 260), (100, 260), (100, 230)), "rows and columns exchanged"),
        (circle(250, 260, 20), "columns counted from the right"),
        (circle(440, 80, 8), ""),
        (circle(60, 60, 20), ""),
    ],
)
def test_what_would_lie_in_the_breast_if_it_were_read_otherwise_says_so(
    monkeypatch, outline, meant
):
    monkeypatch.setattr(outline_sanity, "read_breast", lambda store: BREAST)
    mammogram = {**vars(GEOMETRY), "store": "", "image_id": "i"}
    (said,) = outline_problems(mammogram, [outline]).values()
    assert said.startswith("lies outside the breast (")
    assert said.endswith(f"; with {meant} it would lie in it" if meant else "inside)")
    both = [Quarantined("i", name, "mass", "malignant", said) for name in "ab"]
    _, (told,) = audit_outlines({"i": [outline, replace(outline, finding_id="b")]}, both)
    assert (f"With {meant} 2 of them would lie in the breast" in told["text"]) == bool(meant)


def test_outlines_that_could_not_be_drawn_are_counted_with_the_others():
    reason = "it lies outside the image of 450 x 320 pixels"
    lost = [Quarantined("i", name, "mass", "malignant", reason) for name in "bc"]
    section, (told,) = audit_outlines({"i": [circle(200, 80, 30)]}, lost)
    assert section["outlines"] == 3
    assert [problem["finding_id"] for problem in section["problems"]] == ["b", "c"]
    assert told["level"] == "warning"
    assert told["text"] == (
        f"2 of 3 outlines cannot be right and are not used: b: {reason}; c: {reason}."
    )


def test_an_outline_half_in_the_skin_is_fine():
    assert problem(circle(200, 160, 30)) == ""


def test_what_lies_beyond_the_edge_of_the_film_does_not_count():
    assert problem(circle(200, -20, 30)) == ""
    above = Geometry(**{**vars(GEOMETRY), "row0": 0, "original_height": 400})
    top = BREAST.copy()
    top[:10, :20] = True
    assert outline_problem(circle(-20, 80, 30), top, above) == ""


def test_an_outline_off_the_film_altogether_says_so():
    assert problem(circle(200, -300, 30)) == "lies outside the image"


def test_an_outline_larger_than_the_breast_is_named_with_the_ratio():
    corners = (60, 0), (60, 200), (340, 200), (340, 0)  # 280 x 200 around 240 x 160
    assert problem(polygon(*corners)) == "is larger than the breast (1.5 times its area)"


def test_a_single_point_counts_as_a_small_disc():
    assert problem(polygon((200, 80))) == ""
    assert problem(polygon((200, 160.5))) == ""  # 0.5 mm beyond the skin, a third of 2 mm inside
    assert problem(polygon((200, 260))) == "lies outside the breast (0 % of it inside)"


def points(*places) -> Outline:
    parts = tuple(np.array([place], np.float64) for place in places)
    return Outline("a", "calcification", "benign", True, polygons=parts)


def test_of_several_points_each_counts_however_far_apart():
    assert problem(points((100, 80), (200, 300), (300, 80))) == ""
    assert problem(points((0, 200), (200, 300), (399, 200))).startswith(
        "lies outside the breast (0"
    )


@pytest.mark.parametrize(
    ("name", "row", "col", "radius", "expected"),
    [
        ("mdb212", 141, 687, 3, "lies outside the breast (0 % of it inside)"),
        ("mdb214", 107, 582, 11, ""),  # at the skin, and inside it
        ("mdb110", 596, 190, 51, ""),  # half of it beyond the edge of the film
    ],
)
def test_of_circles_on_real_films_the_one_in_the_air_is_named(
    mammo_data, name, row, col, radius, expected
):
    standard = standardise(film_mammogram(read_film(mammo_data, name)), ImageSettings())
    outline = circle(row, col, radius).to_standard(standard.geometry)
    assert outline_problem(outline, standard.breast, standard.geometry) == expected
