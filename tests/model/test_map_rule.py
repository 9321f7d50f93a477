"""The rule of a model's maps: settings in the pixels and positions of its network."""

import pytest

from pipeline.config import ImageSettings, LabelSettings, MapSettings
from pipeline.model.map_rule import MapRule, map_pitch_px
from pipeline.run.errors import UserError
from tests.model.cards import a_card


@pytest.mark.parametrize(
    ("stride_px", "label_pitch_px", "expected"),
    [(16, 32, 16), (8, 32, 16), (2, 24, 12), (4, 20, 4)],
)
def test_the_map_has_the_largest_pitch_that_fits_network_and_patch_table(
    stride_px, label_pitch_px, expected
):
    pitch_px = map_pitch_px(
        pitch_mm=1.6, spacing_mm=0.1, stride_px=stride_px, label_pitch_px=label_pitch_px
    )
    assert pitch_px == expected


def test_a_pitch_below_the_step_of_the_network_is_refused_with_the_least_one():
    with pytest.raises(UserError, match=r"at least 1\.6 mm"):
        map_pitch_px(pitch_mm=0.8, spacing_mm=0.1, stride_px=16, label_pitch_px=32)


def test_a_patch_table_that_no_map_contains_is_refused():
    with pytest.raises(UserError, match=r"no multiple of the network's step of 16 pixels"):
        map_pitch_px(pitch_mm=3.2, spacing_mm=0.1, stride_px=16, label_pitch_px=40)


def rule_of(*, stride_px=4, label_pitch_mm=3.2, **maps):
    return MapRule.from_settings(
        MapSettings(**maps),
        ImageSettings(spacing_mm=0.2),
        LabelSettings(pitch_mm=label_pitch_mm),
        stride_px=stride_px,
    )


@pytest.mark.parametrize(
    ("stride_px", "pitch_mm", "pitch_px", "label_step"),
    [(4, 1.6, 8, 2), (4, 3.2, 16, 1), (4, 0.9, 4, 4), (16, 3.2, 16, 1)],
)
def test_the_map_is_as_fine_as_asked_and_holds_the_table(stride_px, pitch_mm, pitch_px, label_step):
    rule = rule_of(stride_px=stride_px, pitch_mm=pitch_mm)
    assert (rule.pitch_px, rule.label_step) == (pitch_px, label_step)


def test_a_table_between_the_logits_is_refused():
    with pytest.raises(
        UserError, match=r"46 pixels apart.* step of 16 pixels.*pitch_mm, e\.g\. 9\.6"
    ):
        rule_of(stride_px=16, pitch_mm=3.2, label_pitch_mm=9.2)


def test_lengths_become_positions_of_the_map():
    rule = rule_of(pitch_mm=1.6, smooth_mm=1.2, suppression_mm=8.0)
    assert rule.pitch_mm == pytest.approx(1.6)
    assert (rule.smooth_cells, rule.suppression_cells) == pytest.approx((0.75, 5.0))


def test_the_rule_of_a_model_has_the_level_of_its_usual_mammogram():
    card = a_card(maps={"level_share": 0.5, "flips": 2}, usual_level=-3.0)
    rule = card.map_rule(stride_px=8)
    assert (rule.level_share, rule.level, rule.flips) == (0.5, -3.0, 2)
    assert rule.at_own_level().level_share == 0.0
    assert (rule.of_one_copy().flips, rule.of_one_copy().level_share) == (1, 0.5)
