"""What is said at the first command is what the network says when it is built."""

import pytest

from pipeline.config import Settings
from pipeline.model.configure import configure
from pipeline.model.map_rule import map_pitch_px
from pipeline.model.network_fit import check_network
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.train.first_weights import ALONE, first_network
from pipeline.train.one_network import crop_shape


def settings_of(*, network=None, **sections) -> Settings:
    network = {"width": 4, **(network or {})}
    return Settings.model_validate({"image": {"spacing_mm": 0.2}, **sections, "network": network})


def fault(check, settings) -> bool:
    try:
        check(settings)
    except UserError:
        return True
    return False


def built(settings: Settings) -> None:
    """What a training would do first, many hours later."""
    network = first_network(settings, ALONE, kinds=0)
    crop_shape(settings, network)
    spacing_mm = settings.image.spacing_mm
    map_pitch_px(
        pitch_mm=settings.maps.pitch_mm,
        spacing_mm=spacing_mm,
        stride_px=network.stride_px,
        label_pitch_px=settings.labels.pitch_px(spacing_mm=spacing_mm),
    )


LITE0 = {"backbone": "efficientnet_lite0"}
SMALL = {"backbone": "MobileNetV3Small"}
COARSE = {"pitch_mm": 3.2}


@pytest.mark.parametrize(
    "sections",
    [
        *[{"network": {"patch_mm": mm}} for mm in (6.0, 6.4, 6.6, 12.8, 25.6, 40.0)],
        *[{"network": {**LITE0, "patch_mm": mm}, "maps": COARSE} for mm in (2.0, 12.8, 14.0, 16.0)],
        *[
            {"network": {**LITE0, "patch_mm": mm, "core_mm": core}, "maps": COARSE}
            for mm, core in ((12.8, 6.4), (12.8, 3.2), (16.0, 3.2), (12.8, 12.8), (3.2, 3.2))
        ],
        *[
            {"network": {**LITE0, "patch_mm": 12.8}, "maps": COARSE, "train": {"crop_mm": mm}}
            for mm in (25.6, 30.0, 30.3, 30.5, 32.0)
        ],
        *[
            {"network": {**SMALL, "patch_mm": mm}, "maps": COARSE, "train": {"crop_mm": crop}}
            for mm, crop in ((12.8, 51.2), (12.8, 53.0), (12.8, 76.8), (3.2, 12.8), (6.4, 25.6))
        ],
        *[{"train": {"crop_mm": mm}} for mm in (11.9, 12.0, 12.8)],
        {"network": LITE0},  # a map of 1.6 mm at a stride of 3.2
        {"maps": {"pitch_mm": 1.0}},
        {"labels": {"pitch_mm": 1.0}},
        {"labels": {"pitch_mm": 2.4}},
        {"network": {**LITE0, "weights": "a.weights.h5"}, "maps": COARSE},
        {"network": {"weights": "imagenet"}},
    ],
)
def test_the_first_command_refuses_what_a_training_would(sections):
    settings = settings_of(**sections)
    assert fault(check_network, settings) == fault(built, settings)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"network": {**LITE0, "patch_mm": 14.0}, "maps": COARSE},
            r"patch_mm=14 is 70 pixels of 0\.2 mm.*multiples of 16: 12\.8 or 16 are near",
        ),
        ({"network": {"patch_mm": 5.0}}, r"at least 6\.4 for backbone valid"),
        (
            {"network": {**LITE0, "core_mm": 3.2}, "maps": COARSE},
            r"network\.core_mm=3\.2 .*take one of 6\.4, or 0",
        ),
        (
            {"network": {"head": "sigmoid_kinds"}, "train": {"permute_labels": True}},
            r"train\.permute_labels goes with a network\.head of one question",
        ),
        (
            {"network": {"head": "softmax_kinds", "head_start": "softmax"}},
            r"head_start=softmax is for a network\.head of sigmoid or softmax",
        ),
        ({"train": {"mined": "nowhere.csv"}}, r"train\.mined=nowhere\.csv does not exist"),
        ({"train": {"init": "runs/no"}}, r"train\.init=runs/no does not exist"),
    ],
)
def test_it_says_what_goes_together(sections, message):
    with pytest.raises(UserError, match=message):
        check_network(settings_of(**sections))


def test_a_run_is_not_begun_with_a_network_that_cannot_be(tmp_path):
    run = RunFolder(tmp_path / "run")
    overrides = {"network.backbone": "efficientnet_lite0", "network.patch_mm": "14"}
    with pytest.raises(UserError, match="multiples of 16"):
        configure(run, config="configs/default.yaml", overrides=overrides)
    assert not run.root.exists()
