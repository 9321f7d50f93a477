"""Annotations mean what they show: stray pixels, crossing lines, open contours, overhang."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.clean_polygons import clean_mask, clean_polygon
from pipeline.annotations.findings import ImageOutlines, image_outlines
from pipeline.annotations.labels import LabelRule, label_points
from pipeline.annotations.masks import MaskOutline, contours
from pipeline.annotations.outlines import Outline
from pipeline.config import LabelSettings

SIZE = (1200, 1000)  # of 0.1 mm pixels
RULE = LabelRule.from_settings(LabelSettings(), 0.1)
ROWS, COLS = np.ogrid[: SIZE[0], : SIZE[1]]


def disc(row: float, col: float, radius: float) -> np.ndarray:
    return np.hypot(ROWS - row, COLS - col) <= radius


def outlined(geometry: str, coordinates, mask: np.ndarray | None = None) -> ImageOutlines:
    row = ("f", "mass", "benign", geometry, json.dumps(coordinates))
    table = pd.DataFrame(
        [row], columns=["finding_id", "kind", "pathology", "geometry", "coordinates"]
    )
    return image_outlines(
        table,
        labels=LabelSettings(),
        height=SIZE[0],
        width=SIZE[1],
        spacing_mm=0.1,
        outcome="abnormal",
        complete="yes",
        masks={} if mask is None else {"f": MaskOutline(contours(mask))},
    )


def of_mask(mask: np.ndarray) -> tuple[Outline, list[str]]:
    found = outlined("mask", {"file": "mask.png"}, mask)
    return found.outlines[0], found.notes.get("f", [])


def label_counts(outline: Outline) -> dict[int, int]:
    """Positions at a pitch of 0.8 mm by label."""
    labels = label_points(ROWS[::8], COLS[:, ::8], [outline], RULE)
    return {label: int((labels == label).sum()) for label in (1, 0, -1)}


def specks(mask: np.ndarray, side: int) -> np.ndarray:
    """The mask with 50 square specks beside it."""
    rng = np.random.default_rng(0)
    speckled = mask.copy()
    for row, col in rng.integers(100, 900, (50, 2)):
        speckled[row : row + side, col : col + side] = True
    return speckled


@pytest.mark.parametrize("side", [1, 2, 4])
@pytest.mark.parametrize("radius", [20, 35, 100, 180])
def test_stray_pixels_beside_a_lesion_change_no_label(radius, side):
    lesion = disc(500, 480, radius)
    clean, silent = of_mask(lesion)
    speckled, notes = of_mask(specks(lesion, side))
    assert label_counts(speckled) == label_counts(clean)
    assert silent == []
    assert "stray parts of its mask were dropped" in notes[0]
    assert notes[0].endswith("1 kept")


def test_the_note_says_how_much_was_dropped():
    mask = disc(500, 500, 100)
    pixels = int(mask.sum())
    mask[100, 100], mask[200:202, 200:202] = True, True
    polygons, notes = clean_mask(contours(mask), 0.1)
    assert len(polygons) == 1
    assert notes[0].startswith("2 stray parts of its mask were dropped (5 of ")
    counted = int(notes[0].split(" of ")[2].split()[0])
    assert counted == pytest.approx(pixels + 5, rel=0.01)


def test_a_finding_of_several_true_parts_stays_several():
    outline, notes = of_mask(disc(300, 300, 100) | disc(700, 700, 60) | disc(300, 700, 15))
    assert len(outline.polygons) == 3
    assert notes == []
    # The least part counts as it is: the smallest radius is for a finding.
    assert outline.contains(300, [714, 720], min_radius_px=RULE.min_radius_px).tolist() == [1, 0]


def test_the_calcifications_of_a_cluster_stay_and_count_as_discs():
    rng = np.random.default_rng(1)
    places = [(row, col) for row in range(300, 700, 90) for col in range(300, 700, 90)]
    mask = np.zeros(SIZE, bool)
    for row, col in places:
        mask |= disc(row, col, rng.integers(3, 9))
    outline, notes = of_mask(mask)
    assert len(outline.polygons) == len(places)
    assert notes == []
    assert len(list(outline.discs(RULE.min_radius_px))) == len(places)


def test_a_cluster_is_scattered_however_many_calcifications_it_has():
    mask = np.zeros(SIZE, bool)
    for row in range(100, 1000, 90):
        for col in range(100, 900, 90):
            mask |= disc(row, col, 9)
    outline, _ = of_mask(mask)
    assert mask.sum() > np.pi * RULE.min_radius_px**2
    assert len(list(outline.discs(RULE.min_radius_px))) == len(outline.polygons) == 90


def test_single_pixels_alone_are_a_finding():
    mask = np.zeros(SIZE, bool)
    mask[[300, 400], [300, 420]] = True
    outline, notes = of_mask(mask)
    assert (len(outline.polygons), notes) == (2, [])
    assert label_points(300, [300, 339], [outline], RULE).tolist() == [1, 1]


def test_a_lesion_in_pieces_counts_as_large_as_it_is():
    whole = disc(500, 500, 50)
    halves = whole & (abs(COLS - 500) > 2)
    outline, _ = of_mask(halves)
    assert len(outline.polygons) == 2
    assert list(outline.discs(RULE.min_radius_px)) == []


def test_parts_that_lie_in_the_disc_of_a_larger_one_need_none():
    outline, _ = of_mask(disc(500, 500, 20) | disc(500, 527, 4))
    (only,) = outline.discs(RULE.min_radius_px)
    assert (round(only.row), round(only.col)) == (500, 500)


def test_a_thin_contour_in_a_mask_that_is_not_closed_has_a_note():
    ring = disc(500, 500, 100) & ~disc(500, 500, 97)
    _, closed = of_mask(ring)
    outline, notes = of_mask(ring & ~((COLS > 500) & (abs(ROWS - 500) < 10)))
    assert closed == []
    assert outline.contains(500, 500) == [False]
    assert "only the line counts: if it is a contour, close or fill it" in notes[0]


CROSSES = "its outline crosses or touches itself: all that it encloses counts"
SQUARE = [[100, 100], [100, 300], [300, 300], [300, 100]]


def test_a_polygon_whose_lines_do_not_cross_stays_as_it_is():
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    star = (
        500 + np.stack([np.sin(angle), np.cos(angle)], 1) * (60 + 40 * (np.arange(60) % 2))[:, None]
    )
    line = [[100, 100], [100, 300], [100.5, 200]]
    for points in (SQUARE, [*SQUARE, SQUARE[0]], star.tolist(), line, [[1, 1]] * 3):
        assert clean_polygon(points) == ([points], [])


def inside(points) -> np.ndarray:
    found = outlined("polygon", points)
    assert found.notes["f"] == [
        "its outline crosses or touches itself: all that it encloses counts"
    ]
    return label_points(ROWS[::10], COLS[:, ::10], found.outlines, RULE) == 1


def test_both_loops_of_a_figure_of_eight_count():
    bow_tie = inside([[100, 100], [300, 300], [300, 100], [100, 300]])
    # Rows of 21, 19 ... 1 ... 19, 21 positions: no disc instead.
    assert bow_tie.sum() == pytest.approx(241, abs=4)
    assert bow_tie[[12, 28], [20, 20]].all()
    assert not bow_tie[[20, 20], [11, 29]].any()


@pytest.mark.parametrize(
    "points",
    [
        SQUARE * 2,  # traced twice
        [*SQUARE, [100, 100], [160, 160], [240, 160], [240, 240], [160, 240], [160, 160]],  # a hole
        [[100, 100], [100, 300], [300, 300], [300, 100], [90, 100], [100, 190], [200, 190]],
    ],
    ids=["twice", "hole", "overlap"],
)
def test_what_lies_inside_an_outline_that_overlaps_itself_counts(points):
    assert inside(points)[15:29, 20:29].all()


def test_an_outline_with_a_gap_has_a_note():
    angle = np.linspace(0, 1.5 * np.pi, 60)
    points = (500 + 100 * np.stack([np.sin(angle), np.cos(angle)], 1)).tolist()
    polygons, notes = clean_polygon(points)
    assert polygons == [points]
    assert notes == [
        "its outline is open: the last point lies 141 pixels from the first, joined by a straight "
        "line"
    ]


def test_an_outline_that_encloses_nothing_has_a_note():
    points = [[100.0, 30.0], [110.0, 30.0], [120.0, 30.0]]
    note = "its points lie on a line, so that it encloses nothing"
    assert clean_polygon(points) == ([points], [note])


@pytest.mark.parametrize(
    ("geometry", "coordinates", "share"),
    [
        ("circle", {"row": 0, "col": 500, "radius": 50}, "50%"),
        ("box", {"row0": -100, "col0": 500, "row1": 99, "col1": 600}, "50%"),
        ("polygon", [[500, 900], [500, 1100], [600, 1100], [600, 900]], "50%"),
    ],
)
def test_an_outline_that_leaves_the_image_has_a_note(geometry, coordinates, share):
    found = outlined(geometry, coordinates)
    assert found.notes["f"] == [
        f"{share} of the box around it lies outside the image of 1200 x 1000 pixels and cannot "
        "count"
    ]
    assert found.rejected == {}


def test_an_outline_that_reaches_over_the_edge_by_a_little_has_none():
    assert outlined("circle", {"row": 48, "col": 500, "radius": 50}).notes == {}
