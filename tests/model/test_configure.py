"""What one command gives for a run, what the run remembers, and what a model brings with it."""

import os
from pathlib import Path

import pytest

from pipeline.config import NetworkSettings
from pipeline.model.card import card_path
from pipeline.model.configure import configure
from pipeline.run.checksum import file_sha256
from pipeline.run.errors import UserError
from pipeline.run.graph import STAGE_SECTIONS
from pipeline.run.layout import RunFolder
from pipeline.run.lock import locked
from pipeline.run.settings import load_settings
from tests.model.cards import write_a_card


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("train:\n  epochs: 3\n")
    return path


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "run")


@pytest.fixture
def there(tmp_path) -> Path:
    """A model folder of another run."""
    write_a_card(tmp_path / "there", image={"spacing_mm": 0.3})
    return tmp_path / "there"


def test_a_run_remembers_config_and_set(config, run):
    configure(run, config=str(config), overrides={"train.seed": "7"})
    configure(run)
    assert load_settings(run).train.epochs == 3
    assert load_settings(run).train.seed == 7


def test_a_changed_value_rewrites_only_the_settings_of_the_stage_that_reads_it(config, run):
    configure(run, config=str(config))
    for stage in STAGE_SECTIONS:
        os.utime(run.stage_settings(stage), (1, 1))
    configure(run, overrides={"heatmap.tile_px": "512"})
    times = {s: run.stage_settings(s).stat().st_mtime for s in STAGE_SECTIONS}
    assert [s for s in STAGE_SECTIONS if times[s] != 1] == ["heatmap"]


def test_no_setting_changes_while_another_process_works_on_the_run(config, run):
    configure(run, config=str(config))
    with locked(run):
        assert configure(run) == []
        with pytest.raises(UserError, match=r"The settings cannot change now: .* is in use by"):
            configure(run, overrides={"train.seed": "7"})
    assert load_settings(run).train.seed == 0
    configure(run)
    assert load_settings(run).train.seed == 0, "a refused command is not remembered"


def test_a_changed_value_says_what_it_redoes_once_there_is_a_result(config, run):
    configure(run, config=str(config))
    assert configure(run, overrides={"train.seed": "1"}) == []
    run.model.mkdir()
    run.model_file.write_text("{}")
    (said,) = configure(run, overrides={"train.seed": "2"})
    assert "train, heatmap, evaluate will be redone" in said
    assert configure(run, overrides={"train.seed": "2"}) == []


def test_a_refused_setting_changes_nothing_that_was_remembered(config, run):
    configure(run, config=str(config), overrides={"train.seed": "7"})
    with pytest.raises(UserError):
        configure(run, overrides={"train.sed": "8"})
    configure(run)
    assert load_settings(run).train.seed == 7


def test_a_model_brings_its_image_and_label_rule_and_refuses_others(config, run, there):
    configure(run, config=str(config), overrides={"data.root": "elsewhere"}, model=str(there))
    assert load_settings(run).image.spacing_mm == 0.3
    assert load_settings(run).data.root == Path("elsewhere")
    with pytest.raises(UserError, match=r"image\.spacing_mm is 0\.2 .* and 0\.3 in MODEL=.*there"):
        configure(run, overrides={"image.spacing_mm": "0.2"})


def test_a_model_brings_image_labels_and_maps_to_other_runs(config, run, tmp_path):
    image, labels, maps = {"spacing_mm": 0.3}, {"ignore_mm": 5.0}, {"flips": 4}
    card = write_a_card(tmp_path / "there", image=image, labels=labels, maps=maps)
    configure(run, config=str(config), model=str(tmp_path / "there"))
    settings = load_settings(run)
    assert (settings.image, settings.labels, settings.maps) == (card.image, card.labels, card.maps)
    assert file_sha256(card_path(tmp_path / "there")) in run.borrowed_model.read_text()


@pytest.mark.parametrize("name", sorted(path.name for path in Path("configs").glob("*.yaml")))
def test_a_model_goes_before_every_shipped_config_and_says_so(run, tmp_path, name):
    settings = {"network": NetworkSettings(backbone="valid").model_dump(mode="json")}
    maps = {"flips": 2, "zooms": [1.0, 1.5]}
    place = tmp_path / "there"
    card = write_a_card(place, image={"spacing_mm": 0.3}, maps=maps, settings=settings)
    said = configure(run, config=f"configs/{name}", model=str(place))
    assert load_settings(run).maps == card.maps
    assert load_settings(run).image == card.image
    text = Path("configs", name).read_text()
    assert ("maps.flips=2 (not 4)" in " ".join(said)) == ("flips: 4" in text)
    assert ("image.spacing_mm=0.3 (not 0.2)" in " ".join(said)) == ("  spacing_mm: 0.2" in text)
    assert len(said) == ("maps:" in text or "image:" in text)
    # So says every command, and what SET says of it is still refused.
    assert configure(run) == said
    for wrong in ({"maps.flips": "4"}, {"network.backbone": "efficientnet_lite0"}):
        with pytest.raises(UserError, match=r"in SET and .* in MODEL=.*leave .* out"):
            configure(run, overrides=wrong)


def test_a_model_that_is_not_there_is_refused(config, run):
    with pytest.raises(UserError, match=r"MODEL=nowhere holds no finished model"):
        configure(run, config=str(config), model="nowhere")


def test_what_stands_for_the_borrowed_model_changes_only_with_it(config, run, there):
    configure(run, config=str(config))
    assert not run.borrowed_model.exists()
    configure(run, model=str(there))
    os.utime(run.borrowed_model, (1, 1))
    configure(run)
    assert run.borrowed_model.stat().st_mtime == 1
    write_a_card(there, image={"spacing_mm": 0.3}, commit="another")
    configure(run)
    assert run.borrowed_model.stat().st_mtime != 1


def test_a_remembered_model_that_make_does_not_know_yet_stops_once(config, run, there):
    configure(run, config=str(config), model=str(there))
    run.borrowed_model.unlink()
    with pytest.raises(UserError, match=r"trains none, which make did not know.*again"):
        configure(run)
    configure(run)


def test_a_run_cannot_be_its_own_model(config, run):
    with pytest.raises(UserError, match="is the folder of this run"):
        configure(run, config=str(config), model=str(run.root))
