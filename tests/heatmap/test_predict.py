"""Files to regions without a run folder: the same numbers as a run, and an answer for each file."""

import base64
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config import HeatmapSettings, MapSettings
from pipeline.heatmap.answers import answers
from pipeline.heatmap.pictures.map_pictures import Caption
from pipeline.heatmap.predict import predict, predicted_text, write_predicted
from pipeline.heatmap.stage import heatmap
from pipeline.ingest.source_files import files_of
from pipeline.model.seen_patients import pixel_hashes
from pipeline.preprocess.tables import read_mammograms
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.pseudonyms import Pseudonyms, original
from tests.dicom_samples import write_mammogram
from tests.heatmap.small_run import BrightnessNetwork
from tests.model.cards import a_card, write_a_card
from tests.preprocess.four_women import done, film, stage

MODEL = {
    "image": {"spacing_mm": 0.8},
    "maps": {"pitch_mm": 3.2},
    "candidate_score": {
        "intercept": -3.0,
        "lowered": {"weight": 0.5, "mean": 1.0},
        "highest": {"weight": 0.1, "mean": 1.0},
        "other": {"weight": -0.2, "mean": 1.0},
        "lesions": 40,
        "women": 30,
    },
}
DRAWN = {"datasets": ("phantom",)}
LEFT, RIGHT, LETTER = "left.dcm", "right.dcm", "letter.txt"


def write_film(path: Path, seed: int, **values) -> Path:
    """A film of woman w1; that of the right breast is brighter and has its chest wall right."""
    pixels = film(seed)
    if values.get("ImageLaterality") == "R":
        pixels = np.minimum(pixels[:, ::-1] + np.uint16(300), 4095)
    spacing = {"ImagerPixelSpacing": [0.8, 0.8], "BitsStored": 12}
    return write_mammogram(path, pixels, **{**spacing, **values})


@pytest.fixture(scope="module")
def woman(tmp_path_factory) -> Path:
    """A folder with both breasts of a woman and a letter."""
    root = tmp_path_factory.mktemp("woman")
    write_film(root / "data" / LEFT, 1)
    write_film(root / "data" / RIGHT, 2, ImageLaterality="R", SOPInstanceUID="2.25.3")
    (root / "data" / LETTER).write_text("Dear colleague")
    return root


@pytest.fixture(scope="module")
def run(woman) -> RunFolder:
    """What the stages make of the folder, with the model of another run."""
    card = write_a_card(woman / "model" / "model", **MODEL)
    here = stage(
        woman,
        model=str(woman / "model"),
        maps=card.maps,
        heatmap=HeatmapSettings(uncertainty=False, min_region_mm2=1.0),
    )
    done(here)
    heatmap(here, mapper_of=BrightnessNetwork().of)
    return here.run


def predicted_of(root: Path, card=None, pseudonyms=None):
    """The same folder by itself."""
    here = stage(root, run="none", maps=MapSettings(pitch_mm=3.2))
    settings = here.settings.model_copy(update={"heatmap": HeatmapSettings(min_region_mm2=1.0)})
    files = files_of(root / "data").files
    model = card or a_card(**MODEL)
    return predict(files, settings, model, BrightnessNetwork, pseudonyms=pseudonyms)


def test_the_numbers_are_those_of_a_run(woman, run, tmp_path):
    predicted = predicted_of(woman)
    write_predicted(tmp_path, predicted, Caption("runs/x", 0.02, 0.3))
    out = RunFolder(tmp_path)
    tables = (pd.read_csv(path).drop(columns="patient_id") for path in (out.regions, run.regions))
    pd.testing.assert_frame_equal(*tables)
    assert len(pd.read_csv(out.regions)) >= 2
    candidates = pd.concat([f.tables.candidates for f in predicted.found.values()])
    of_run = pd.read_csv(run.candidates)
    for column in ("row", "col", "probability", "score", "candidate_probability"):
        np.testing.assert_allclose(candidates[column], of_run[column], rtol=1e-6)
    columns = ["file", "status", "reason", "notes"]
    told = pd.read_csv(out.intake)[columns]
    pd.testing.assert_frame_equal(told, pd.read_csv(run.intake)[columns])
    assert sorted(p.stem for p in out.overlays.glob("*.png")) == ["left", "right"]


def test_what_is_written_has_pseudonyms_and_the_terminal_has_the_names(woman, tmp_path):
    predicted = predicted_of(woman, pseudonyms=Pseudonyms())
    write_predicted(tmp_path, predicted, Caption("runs/x", 0.02, 0.3))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 4  # two tables, two pictures
    for path in written:
        for name in (LEFT, RIGHT, LETTER, "left", "right"):
            assert (
                name not in str(path.relative_to(tmp_path))
                and name.encode() not in path.read_bytes()
            )
    files = pd.read_csv(RunFolder(tmp_path).intake)["file"]
    assert {original(name) for name in files} == {LEFT, RIGHT, LETTER}
    text = predicted_text(predicted, a_card(**MODEL))
    assert all(name in text for name in (LEFT, RIGHT, LETTER))
    assert text == predicted_text(predicted_of(woman), a_card(**MODEL))


def test_the_other_breast_counts_where_it_is_there_and_is_missing_where_it_is_not(woman):
    card, data = a_card(**MODEL), woman / "data"
    both = answers([data / LEFT, data / RIGHT], card, BrightnessNetwork())
    (alone,) = answers([data / LEFT], card, BrightnessNetwork())
    weight, mean = card.candidate_score.other.weight, card.candidate_score.other.mean
    highest = max(c["logit"] for c in both[1]["candidates"])
    assert both[0]["score"] - alone["score"] == pytest.approx(weight * (highest - mean))
    assert alone["probability"] == both[0]["probability"]


def test_each_form_of_a_file_gets_the_same_answer_which_json_can_hold(woman):
    path = woman / "data" / LEFT
    content = path.read_bytes()
    card = a_card(**MODEL)
    by_path, by_bytes, by_text = (
        answers([item], card, BrightnessNetwork(), with_map=True)[0]
        for item in (str(path), content, base64.encodebytes(content).decode())
    )
    assert by_path == by_bytes == by_text
    assert json.loads(json.dumps(by_path, allow_nan=False)) == by_path
    region, shown = by_path["regions"][0], np.array(by_path["map"]["probability"], float)
    assert region["peak_probability"] == pytest.approx(np.nanmax(shown), rel=1e-5)
    at = shown[
        by_path["map"]["rows"].index(region["peak_row"]),
        by_path["map"]["cols"].index(region["peak_col"]),
    ]
    assert at == pytest.approx(region["peak_probability"], rel=1e-5)
    assert "map" not in answers([path], card, BrightnessNetwork())[0]


@pytest.mark.parametrize(
    ("item", "decision", "words"),
    [
        ("not a name and no base64!", "failed", "no base64 and no file"),
        (b"Dear colleague", "skipped", "not DICOM"),
        (b"", "failed", "empty"),
        (5, "failed", "must be bytes, base64 or a path, not int"),
    ],
)
def test_what_is_no_mammogram_is_refused_by_itself(woman, item, decision, words):
    good = woman / "data" / LEFT
    first, refused, last = answers([good, item, good], a_card(**MODEL), BrightnessNetwork())
    assert (first["decision"], last["decision"]) == ("used", "used")
    assert refused["decision"] == decision
    assert words in refused["reason"]
    assert (refused["regions"], refused["probability"]) == ([], None)


def test_a_server_reads_no_files_of_its_own(woman):
    path = str(woman / "data" / LEFT)
    (refused,) = answers([path], a_card(**MODEL), BrightnessNetwork(), take_paths=False)
    assert "no base64;" in refused["reason"]


def test_a_spacing_is_given_for_files_that_have_none(woman, tmp_path):
    path, card = write_film(tmp_path / "a.dcm", 1, ImagerPixelSpacing=None), a_card(**MODEL)
    (unknown,) = answers([path], card, BrightnessNetwork())
    assert "no pixel spacing" in unknown["reason"]
    (known,) = answers([path], card, BrightnessNetwork(), spacing_mm=0.8)
    (written,) = answers([woman / "data" / LEFT], card, BrightnessNetwork())
    assert known["regions"] == written["regions"]
    with pytest.raises(UserError, match=r"spacing_mm.*-1"):
        answers([path], card, BrightnessNetwork(), spacing_mm=-1)


def test_what_a_model_has_seen_is_told_with_its_answers(woman, run):
    met = pixel_hashes(read_mammograms(run))
    training = {"pixel_hashes": tuple(met), "data": DRAWN}
    card = a_card(**MODEL, training=training)
    (answer, _) = answers([woman / "data" / LEFT, b"Dear colleague"], card, BrightnessNetwork())
    assert "only seen drawings" in answer["doubts"]
    assert "trained on 1 of these 1 patients" in answer["doubts"]
    text = predicted_text(predicted_of(woman, card), card)
    assert text.startswith("WARNING: The model was trained on 1 of these 1 patients")


def test_the_table_of_files_says_beside_each_mammogram_what_its_model_has_seen(woman, tmp_path):
    predicted = predicted_of(woman, a_card(**MODEL, training={"data": DRAWN}))
    write_predicted(tmp_path, predicted, Caption("runs/x", 0.02, 0.3))
    notes = pd.read_csv(RunFolder(tmp_path).intake, keep_default_na=False).set_index("file")[
        "notes"
    ]
    assert all("only seen drawings" in notes[name] for name in (LEFT, RIGHT))
    assert notes[LETTER] == ""


def test_a_drawn_mammogram_is_no_reason_to_doubt_a_model_of_drawings(woman, tmp_path):
    path = write_film(tmp_path / "a.dcm", 1, Manufacturer="SYNTHETIC")
    card = a_card(**MODEL, training={"data": DRAWN})
    (drawn,) = answers([path], card, BrightnessNetwork())
    assert "drawings" not in drawn["doubts"]


def test_patient_ids_are_in_no_table(woman):
    predicted = predicted_of(woman)
    assert set(predicted.intake["patient_id"]) == {"woman-1", ""}
    assert {f.mammogram["patient_id"] for f in predicted.found.values()} == {"woman-1"}


def test_the_network_is_not_loaded_for_files_that_are_no_mammograms(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / LETTER).write_text("Dear colleague")

    def load():
        raise AssertionError

    here = stage(tmp_path)
    files = files_of(tmp_path / "data").files
    assert predict(files, here.settings, a_card(**MODEL), load).found == {}


def test_the_table_has_a_line_for_each_region_and_a_word_on_each_refused_file(woman):
    predicted = predicted_of(woman)
    text = predicted_text(predicted, a_card(**MODEL))
    assert "skipped: letter.txt: " in text
    lines = [line for line in text.splitlines() if line.startswith(("left", "right", " "))][1:]
    assert len(lines) == sum(len(f.tables.regions.table) for f in predicted.found.values())
    best = predicted.found[LEFT].tables.regions.table.iloc[0]
    assert f"{best['peak_row']:.0f}, {best['peak_col']:.0f}" in text
    predicted.found[LEFT].tables.regions.table["peak_col"] = -0.3  # at the edge of the image
    assert "-0" not in predicted_text(predicted, a_card(**MODEL))
