"""An exported network gives what the network gives, and says what belongs to it."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.heatmap.answers import answers
from pipeline.model.card import read_card
from pipeline.model.folder import load_network, network_card, network_mapper, write_model
from pipeline.model_out import exported_model, formats
from pipeline.model_out.exported_model import export_model
from pipeline.model_out.formats import FORMATS
from pipeline.model_out.hub_page import front_matter
from pipeline.run.atomic import write_json
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from tests.dicom_samples import write_mammogram
from tests.model.cards import a_card
from tests.preprocess.four_women import film

PAGE = Path(__file__).parents[2] / "docs" / "exporting.md"
DRAWN = {"datasets": ("phantom",)}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """A finished run of an ensemble whose maps are smoothed, with figures and a card in words."""
    from models.network import NetworkSpec, build_network

    run = RunFolder(tmp_path_factory.mktemp("trained") / "mine")
    network = build_network(NetworkSpec("valid", 32, width=4, members=2), seed=1)
    card = a_card(
        network=dict(network_card(network.spec)),
        image={"spacing_mm": 0.4},
        maps={"smooth_mm": 6.4},
        calibration={"bend": 1.3},
        training={"data": DRAWN},
        region_threshold=1e-6,
    )
    write_model(run, network, card, history="")
    sha256 = read_card(run.model).sha256
    figure = {"value": 0.91234, "low": 0.9, "high": 0.92}
    write_json(run.metrics, {"model_sha256": sha256, "patch_auc": figure, "mean_froc": {"n": 0}})
    run.model_card.write_text("# Model card: mine\n")
    return run


@pytest.fixture(scope="module")
def exported(run) -> Path:
    if absent := [name for form in FORMATS for name in form.lacking]:
        pytest.skip(f"make test installs {', '.join(absent)}")
    folder = run.root.parent / "exported"
    said = export_model(run.root, folder)
    assert "left out" not in said
    assert [line.split()[0] for line in said.splitlines()[2:]] == [f.file for f in FORMATS]
    return folder


def test_each_form_gives_the_logits_of_the_network_for_an_image_of_any_size(run, exported):
    image = np.random.default_rng(3).random((1, 83, 61, 1), np.float32)
    expected = load_network(run.model)(image).numpy()
    assert np.ptp(expected) > 0.01
    for form in FORMATS:
        found = formats.run_network(form, exported / form.file, image)
        np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=form.name)


def test_a_head_of_kinds_gives_its_logits_in_each_form_however_rare_findings_are(tmp_path):
    from models.network import NetworkSpec, build_network

    spec = NetworkSpec("valid", 32, width=4, head="sigmoid_kinds", kinds=2, members=2)
    network = build_network(spec, seed=1)
    for member, biases in zip(network.members, ([-25, -26], [3, -9]), strict=True):
        member.get_layer("logit").bias.assign(np.array(biases, "float32"))
    network.get_layer("members").temperatures.assign([1.5, 0.8])
    image = np.random.default_rng(3).random((1, 83, 61, 1), np.float32)
    expected = network(image).numpy()
    for form in FORMATS:
        if not form.lacking:
            formats.write_network(network, form, tmp_path / form.file)
            found = formats.run_network(form, tmp_path / form.file, image)
            np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=form.name)


def test_the_example_finds_the_regions_of_the_model_with_what_was_exported(
    run, exported, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "mammogram.dcm"
    write_mammogram(path, film(1), ImagerPixelSpacing=[0.8, 0.8], BitsStored=12)
    (expected,) = answers([path], read_card(run.model), network_mapper(run.model, 2048))
    assert expected["regions"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exported").symlink_to(exported)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(example, {"__name__": "example"})
    (decision, probability), *regions = (
        line.split() for line in capsys.readouterr().out.splitlines()
    )
    assert decision == "used"
    columns = ("peak_probability", "peak_row", "peak_col")
    wanted = [[region[name] for name in columns] for region in expected["regions"]]
    np.testing.assert_allclose(np.array(regions, float), wanted, rtol=1e-5)
    assert float(probability) == pytest.approx(expected["probability"], rel=1e-5)


def test_the_folder_says_what_it_was_compared_on_and_is_a_model(run, exported):
    how = json.loads((exported / "export.json").read_text())
    assert how["compared"]["on"] == "a drawn mammogram"
    for differences in how["compared"]["largest_differences"].values():
        assert 0 <= differences["probability"] <= 1e-5
    copied, of_run = load_network(exported), load_network(run.model)
    for one, other in zip(copied.get_weights(), of_run.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_page_begins_with_the_front_matter_of_the_hub_and_ends_with_the_card(exported):
    _, front, page = (exported / "README.md").read_text().split("---\n", 2)
    values = yaml.safe_load(front)
    assert (values["license"], values["library_name"]) == ("apache-2.0", "keras")
    assert {"onnx", "synthetic-data"} <= set(values["tags"])
    (result,) = values["model-index"][0]["results"]
    assert result["metrics"] == [
        {"type": "patch_auc", "name": "Positions: ROC AUC", "value": 0.9123}
    ]
    assert "has seen drawings only" in page
    assert page.rstrip().endswith("# Model card: mine")


def test_what_other_data_allow_is_not_decided_here(run):
    card = read_card(run.model).model_copy(update={"sha256": "of other weights"})
    training = card.training.model_copy(update={"data": None})
    values = front_matter(run, card.model_copy(update={"training": training}), forms=[])
    assert values["license"] == "other"
    assert "metrics" not in values  # they are of other weights


def test_a_form_that_differs_is_not_left_and_the_others_are(run, tmp_path, monkeypatch):
    saved = FORMATS[0]
    moved = lambda path, image: saved.run(path, image) + np.float32(1e-3)  # noqa: E731
    wrong = replace(saved, name="Other", file="other", run=moved)
    monkeypatch.setattr(exported_model, "FORMATS", (saved, wrong))
    with pytest.raises(UserError, match=r"Other is left out: its probabilities differ by 2\.5e-04"):
        export_model(run.root, tmp_path / "out")
    assert (tmp_path / "out" / saved.file).is_dir()
    assert not (tmp_path / "out" / wrong.file).exists()
    assert "Other" not in (tmp_path / "out" / "README.md").read_text()


def test_a_form_whose_logits_are_not_finite_is_not_left(run, tmp_path, monkeypatch):
    lost = replace(FORMATS[0], run=lambda path, image: FORMATS[0].run(path, image) - np.inf)
    monkeypatch.setattr(exported_model, "FORMATS", (lost,))
    network = load_network(run.model)
    network.members[0].get_layer("logit").bias.assign([-900.0])
    monkeypatch.setattr(exported_model, "load_network", lambda folder: network)
    with pytest.raises(UserError, match="SavedModel is left out: its logits are not all finite"):
        export_model(run.root, tmp_path / "out")


def test_a_package_that_is_not_there_leaves_out_its_form_with_the_way_to_install_it(
    run, tmp_path, monkeypatch
):
    absent = replace(FORMATS[1], packages=("tf2onnx", "of_nobody"))
    monkeypatch.setattr(exported_model, "FORMATS", (absent,))
    said = export_model(run.root, tmp_path)  # an empty folder is taken
    assert re.search(r"ONNX is left out: of_nobody must be installed .* tf2onnx of_nobody", said)
    assert (tmp_path / "model.json").is_file()


def test_a_folder_of_something_else_stays(run, tmp_path):
    (tmp_path / "letter.txt").write_text("Dear colleague")
    with pytest.raises(UserError, match="no export"):
        export_model(run.root, tmp_path)
    with pytest.raises(UserError, match="holds no finished model"):
        export_model(tmp_path, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
