"""What report and model card say of a model and its maps."""

from pipeline.report.training import training_facts
from tests.model.cards import a_card


def facts(**maps) -> dict[str, str]:
    return dict(training_facts(a_card(maps=maps, usual_level=-4.25)))


def test_everything_that_is_done_to_the_logits_of_a_map_is_said():
    maps = facts(flips=2, zooms=[0.8, 1.0], smooth_mm=2.6, level_share=0.8)["maps"]
    assert maps == (
        "mean over 2 mirrored copies; mean over copies enlarged by 0.8, 1; smoothed by a Gaussian "
        "of 2.6 mm; 80 % of what the level of a mammogram (twice the 40th percentile of its "
        "logits less the 10th) differs by from -4.25 taken off"
    )


def test_maps_that_are_the_networks_own_have_no_line():
    assert "maps" not in facts(flips=1, zooms=[1.0], smooth_mm=0.0, level_share=0.0)
    assert "maps" not in facts()
