"""Regions and candidates of a map that can be checked by eye."""

import numpy as np
import pytest
from scipy.special import logit

from pipeline.heatmap.image_tables import CANDIDATE_COLUMNS, candidate_table
from pipeline.heatmap.regions import REGION_COLUMNS, find_regions
from pipeline.model.candidates import find_candidates
from pipeline.model.image_map import ImageMap
from tests.model.rules import a_rule

NAN = np.nan
PROBABILITY = np.float32(
    [
        [0.1, 0.1, 0.1, 0.1, 0.1, NAN],
        [0.1, 0.6, 0.7, 0.1, 0.1, NAN],
        [0.1, 0.1, 0.1, 0.8, 0.1, NAN],  # touches the 0.7 at a corner
        [0.1, 0.1, 0.1, 0.1, 0.1, 0.9],
        [0.5, 0.1, 0.1, 0.1, 0.1, 0.1],
    ]
)
# Ten original pixels from position to position, the first at the edge of the image.
ROWS, COLS = np.arange(5) * 10 - 0.5, np.arange(6) * 10 - 0.5


def image_map(*, mirrored: bool = False) -> ImageMap:
    cols = COLS[::-1] if mirrored else COLS
    logit = np.log(PROBABILITY) - np.log1p(-PROBABILITY)
    return ImageMap(logit=logit, probability=PROBABILITY, rows=ROWS, cols=cols)


def regions(*, mirrored=False, threshold=0.5, min_area_mm2=0.0, lowered=None):
    return find_regions(
        image_map(mirrored=mirrored),
        image_map().logit if lowered is None else lowered,
        threshold_logit=logit(threshold),
        min_area_mm2=min_area_mm2,
        pitch_mm=2.0,
        original_height=40,
        original_width=50,
        original_spacing_mm=0.2,
    )


def test_connected_positions_are_one_region_and_the_best_peak_comes_first():
    found = regions()
    table = found.table
    assert list(table.columns) == REGION_COLUMNS
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["peak_probability"].tolist() == pytest.approx([0.9, 0.8, 0.5])
    second = table.iloc[1]
    assert second["mean_probability"] == pytest.approx(0.7)
    assert second["area_mm2"] == 3 * 2.0 * 2.0
    assert (second["peak_row"], second["peak_col"]) == (19.5, 29.5)
    assert second["centroid_row"] == pytest.approx((9.5 + 9.5 + 19.5) / 3)
    assert second["centroid_col"] == pytest.approx((9.5 + 19.5 + 29.5) / 3)
    np.testing.assert_array_equal(
        found.areas == 2, np.isin(PROBABILITY, np.float32([0.6, 0.7, 0.8]))
    )


def test_a_box_holds_the_squares_of_its_positions_and_stays_inside_the_image():
    table = regions().table.set_index("rank")
    assert table.loc[2, ["row0", "row1", "col0", "col1"]].tolist() == [5, 25, 5, 35]
    # Lower left corner: the position lies on the edge of 40 x 50 pixels.
    assert table.loc[3, ["row0", "row1", "col0", "col1"]].tolist() == [35, 40, 0, 5]


def test_sides_of_boxes_and_longest_distances_are_in_mm():
    table = regions().table.set_index("rank")
    # The box of 20 x 30 original pixels of 0.2 mm.
    assert table.loc[2, ["height_mm", "width_mm"]].tolist() == pytest.approx([4.0, 6.0])
    # One position is as wide as the pitch.
    assert table.loc[1, "diameter_mm"] == pytest.approx(2.0)
    # Three in an angle: two squares down and three to the right, without their outer corners.
    assert 2 * np.hypot(1, 2) < table.loc[2, "diameter_mm"] < 2 * np.hypot(2, 3)


def test_columns_of_a_mirrored_mammogram_fall_and_boxes_still_rise():
    second = regions(mirrored=True).table.iloc[1]
    assert second["peak_col"] == 19.5
    assert (second["col0"], second["col1"]) == (15, 45)


def test_small_regions_are_dropped_and_ranks_have_no_gap():
    table = regions(min_area_mm2=12.0).table
    assert table["peak_probability"].tolist() == pytest.approx([0.8])
    assert table["rank"].tolist() == [1]


def test_a_map_below_the_threshold_has_an_empty_table():
    found = regions(threshold=0.95)
    assert found.table.empty and list(found.table.columns) == REGION_COLUMNS
    assert not found.areas.any()


def test_regions_are_ordered_by_their_best_candidate_and_keep_the_areas_of_the_map():
    lowered = np.float32(np.full(PROBABILITY.shape, -9.0))
    lowered[1, 2], lowered[4, 0], lowered[3, 5] = 3.0, 2.0, 1.0
    found = regions(lowered=lowered)
    assert found.table["lowered_logit"].tolist() == [3.0, 2.0, 1.0]
    assert found.table["peak_probability"].tolist() == pytest.approx([0.8, 0.5, 0.9])
    np.testing.assert_array_equal(found.areas > 0, regions().areas > 0)
    assert found.areas[2, 3] == 1 and found.areas[3, 5] == 3


def test_candidates_are_the_places_in_original_pixels():
    found = find_candidates(image_map().logit, a_rule(suppression_cells=1.0))
    table = candidate_table(image_map(), found)
    assert list(table.columns) == CANDIDATE_COLUMNS
    # The 0.7 touches the 0.8 and is lowered by it, to less than the 0.5 far away.
    assert table["probability"].tolist()[:4] == pytest.approx([0.9, 0.8, 0.6, 0.5])
    assert table.loc[0, ["row", "col"]].tolist() == [29.5, 49.5]
    assert table.loc[0, "logit"] == table.loc[0, "lowered_logit"]
    assert table.loc[0, "logit"] == pytest.approx(np.log(9), rel=1e-5)
    assert table.loc[1, "lowered_logit"] < table.loc[1, "logit"]
    assert table["rank"].tolist() == list(range(1, len(table) + 1))


def test_no_more_candidates_than_the_limit():
    found = find_candidates(image_map().logit, a_rule(max_candidates=1))
    assert len(candidate_table(image_map(), found)) == 1


def test_probabilities_at_the_cap_are_still_ranked_and_their_peaks_found():
    capped = ImageMap(
        logit=np.float32([[5.0, 7.0, -5.0, 9.0, 8.0], [-5.0] * 5]),
        probability=np.float32([[0.96, 0.96, 0.01, 0.96, 0.96], [0.01] * 5]),
        rows=ROWS[:2],
        cols=COLS[:5],
    )
    table = find_regions(
        capped, capped.logit, threshold_logit=4.0, min_area_mm2=0, pitch_mm=2.0,
        original_height=40, original_width=50, original_spacing_mm=0.2,
    ).table  # fmt: skip
    assert table["logit"].tolist() == [9.0, 7.0]
    assert table["peak_col"].tolist() == [COLS[3], COLS[1]]
    assert table["peak_probability"].tolist() == pytest.approx([0.96, 0.96])
    above = find_regions(
        capped, capped.logit, threshold_logit=7.5, min_area_mm2=0, pitch_mm=2.0,
        original_height=40, original_width=50, original_spacing_mm=0.2,
    ).table  # fmt: skip
    assert len(above) == 1
