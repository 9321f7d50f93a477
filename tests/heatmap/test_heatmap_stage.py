"""The stage as a whole, on two small mammograms."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from pipeline.annotations.outlines import Circle, write_outlines
from pipeline.config import HeatmapSettings, MapSettings, Settings
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.matching import match_candidates
from pipeline.heatmap import map_set
from pipeline.heatmap.image_tables import CANDIDATE_COLUMNS, JUDGED_COLUMNS, OF_IMAGE
from pipeline.heatmap.regions import REGION_COLUMNS
from pipeline.heatmap.stage import heatmap, shown_in_mlflow
from pipeline.model.card import model_folder, read_card
from pipeline.model.folder import network_card
from pipeline.model.image_map import read_map
from pipeline.model.map_grid import map_level, smooth_map
from pipeline.preprocess.store.entries import read_image, write_entry
from pipeline.preprocess.tables import (
    read_mammograms,
    read_positions,
    write_mammograms,
    write_positions,
)
from pipeline.run.checksum import file_sha256
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog, read_events
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import Lost
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from tests.heatmap.small_run import (
    MARK,
    OUTLINE,
    BrightnessNetwork,
    write_model_card,
    write_small_run,
)
from tests.model.cards import SUPPORT


@pytest.fixture
def network() -> BrightnessNetwork:
    return BrightnessNetwork()


def stage_of(run: RunFolder, **settings) -> Stage:
    chosen = HeatmapSettings(**{"min_region_mm2": 1.0, **settings})
    return Stage(run, Settings(heatmap=chosen), EventLog(run, "heatmap"))


def missed_and_hit(root, **changed) -> RunFolder:
    """The network marks the finding of `mirrored`, and a place beside that of `plain`."""
    run = write_small_run(root, **changed)
    elsewhere = replace(OUTLINE, circle=Circle(MARK[0] - 70, MARK[1] - 50, 10))
    write_outlines(run, {"mirrored": [OUTLINE], "plain": [elsewhere]})
    return run


def test_it_writes_everything_that_it_promises(tmp_path, network):
    run = write_small_run(tmp_path)
    line = heatmap(stage_of(run), mapper_of=network.of)
    assert line.startswith("2 mammograms, 2 regions above 30 %")
    for image_id in ("plain", "mirrored"):
        assert run.heatmap(image_id).is_file() and run.overlay(image_id).is_file()
    regions = pd.read_csv(run.regions)
    assert regions["image_id"].tolist() == ["mirrored", "plain"]
    # Positions are 16 original pixels apart.
    assert (abs(regions["centroid_row"] - MARK[0]) <= 8).all()
    assert (abs(regions["centroid_col"] - MARK[1]) <= 8).all()
    images = pd.read_csv(run.images)
    assert images.columns.tolist() == [
        "image_id", "patient_id", "split", "outcome", "score", "candidate_probability",
        "probability", "logit",
    ]  # fmt: skip
    assert (images["probability"] > 0.5).all()
    # Without a fitted score it is the calibrated lowered logit, of the best candidate its own.
    np.testing.assert_allclose(expit(images["score"]), images["probability"], rtol=1e-5)
    assert images["candidate_probability"].isna().all()
    candidates = pd.read_csv(run.candidates)
    assert candidates.groupby("image_id")["rank"].min().tolist() == [1, 1]
    assert json.loads(run.heatmap_summary.read_text())["images"] == 2


def test_probabilities_that_rest_on_few_findings_are_told_so(tmp_path, network):
    run = write_small_run(tmp_path)
    write_model_card(run, support=SUPPORT)
    line = heatmap(stage_of(run), mapper_of=network.of)
    sentence = "rest on 7 findings of 11 women, fewer than 30 findings: they are rough."
    assert sentence in line
    assert sentence in run.report.read_text()
    write_model_card(run, support=SUPPORT | {"lesions": 30})
    assert "rest on" not in heatmap(stage_of(run), mapper_of=network.of)
    assert "rest on 30 findings of 11 women." in run.report.read_text()


def test_candidates_and_regions_say_whose_they_are_and_which_finding_they_hit(tmp_path, network):
    run = missed_and_hit(tmp_path, patient_id="0012")
    heatmap(stage_of(run), mapper_of=network.of)
    for path, own, row, col in (
        (run.regions, REGION_COLUMNS, "peak_row", "peak_col"),
        (run.candidates, CANDIDATE_COLUMNS, "row", "col"),
    ):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert list(table.columns) == [*OF_IMAGE, *own, *JUDGED_COLUMNS]
        of_image = table[OF_IMAGE[1:]].drop_duplicates().to_numpy().tolist()
        assert of_image == [["0012", "L", "MLO", "test"]]
        first = table[table["rank"] == "1"].set_index("image_id")
        assert (abs(first[row].astype(float) - MARK[0]) <= 16).all()
        assert (abs(first[col].astype(float) - MARK[1]) <= 16).all()
        assert first["finding_id"].to_dict() == {"mirrored": "a", "plain": ""}


def test_a_finding_is_hit_where_the_evaluation_says_so(tmp_path, network):
    run = missed_and_hit(tmp_path)
    heatmap(stage_of(run), mapper_of=network.of)
    judged = load_judged(run)
    matched = match_candidates(judged)
    false = judged.candidates.index.isin(matched.alarms)
    np.testing.assert_array_equal(judged.candidates["finding_id"] == "", false)
    assert false.any() and not false.all()


SCORE = {
    "intercept": -2.0,
    "lowered": {"weight": 0.8, "mean": 0.0},
    "highest": {"weight": -0.1, "mean": 1.0},
    "other": {"weight": -0.5, "mean": -3.0},
    "lesions": 40,
    "women": 60,
}


def test_a_fitted_score_knows_the_other_breast_and_the_map_does_not(tmp_path, network):
    run = write_small_run(tmp_path, patient_id="a")
    both = read_mammograms(run)
    dim = read_image(tmp_path / "plain") // 2
    write_entry(tmp_path / "plain", image=dim, breast=np.ones((13, 10), bool), info={})
    heatmap(stage_of(run), mapper_of=network.of)
    plain = {name: read_map(run.heatmap(name)).probability for name in ("mirrored", "plain")}
    write_model_card(run, candidate_score=SCORE)
    score = read_card(run.model).candidate_score
    for sides in (["R", "L"], ["L", "L"]):
        write_mammograms(run, both.assign(laterality=sides))
        heatmap(stage_of(run), mapper_of=network.of)
        images = pd.read_csv(run.images, index_col="image_id")
        candidates = pd.read_csv(run.candidates)
        for name, other in (("mirrored", "plain"), ("plain", "mirrored")):
            highest = images.loc[name, "logit"]
            known = images.loc[other, "logit"] if sides == ["R", "L"] else np.nan
            own = candidates[candidates["image_id"] == name]
            expected = score.log_odds(own["lowered_logit"], highest=highest, other=known)
            np.testing.assert_allclose(own["score"], expected, rtol=1e-6)
            np.testing.assert_allclose(own["candidate_probability"], expit(expected), rtol=1e-6)
            assert images.loc[name, "score"] == own["score"].max() == own["score"].iloc[0]
            np.testing.assert_array_equal(read_map(run.heatmap(name)).probability, plain[name])
    assert images.loc["plain", "logit"] < images.loc["mirrored", "logit"] - 3
    assert "fitted on 40 findings of 60 women" in " ".join(run.report.read_text().split())


def test_a_region_has_the_score_of_its_best_candidate(tmp_path, network):
    run = write_small_run(tmp_path)
    write_model_card(run, candidate_score=SCORE)
    heatmap(stage_of(run), mapper_of=network.of)
    regions, candidates = pd.read_csv(run.regions), pd.read_csv(run.candidates)
    assert len(regions) == 2
    for region in regions.to_dict("records"):
        own = candidates[candidates["image_id"] == region["image_id"]]
        inside = own["row"].between(region["row0"], region["row1"] - 1)
        inside &= own["col"].between(region["col0"], region["col1"] - 1)
        assert inside.any()
        assert region["score"] == pytest.approx(own.loc[inside, "score"].max())
        assert region["candidate_probability"] == pytest.approx(expit(region["score"]))


def test_tables_without_a_region_have_their_columns_and_can_be_read(tmp_path, network):
    run = write_small_run(tmp_path)
    heatmap(stage_of(run, min_region_mm2=1e6), mapper_of=network.of)
    assert run.regions.read_text() == ",".join([*OF_IMAGE, *REGION_COLUMNS, *JUDGED_COLUMNS]) + "\n"
    assert load_judged(run).regions.empty


def test_what_is_bright_in_the_air_beside_the_breast_is_no_finding(tmp_path, network):
    run = write_small_run(tmp_path)
    image = np.full((100, 80), 10_000, np.uint16)
    image[40, 48] = 65_535  # at the position 39.5, 47.5
    breast = np.arange(10) < np.full((13, 1), 6)  # its pixels end at 47
    write_entry(tmp_path / "plain", image=image, breast=breast, info={})
    positions = read_positions(run)
    write_positions(
        run, positions[(positions["image_id"] != "plain") | (positions["col_standard"] < 47)]
    )
    heatmap(stage_of(run), mapper_of=network.of)
    shown = read_map(run.heatmap("plain"))
    assert np.nanmax(shown.logit) > 10  # the map goes up to the skin
    assert pd.read_csv(run.regions)["image_id"].tolist() == ["mirrored"]
    candidates = pd.read_csv(run.candidates).query("image_id == 'plain'")
    # Column 47 of the standard image is 40 + 2 * 47 in the original one.
    assert len(candidates)
    assert (candidates["col"] < 40 + 2 * 47).all()
    images = pd.read_csv(run.images, index_col="image_id")
    assert images.loc["plain", "logit"] == pytest.approx(candidates["logit"].max())
    assert images.loc["plain", "logit"] < 0


def test_predictions_are_the_map_at_the_positions_of_the_patch_table(tmp_path, network):
    run = write_small_run(tmp_path)
    heatmap(stage_of(run), mapper_of=network.of)
    predictions = pd.read_parquet(run.predictions)
    positions = read_positions(run)
    pd.testing.assert_frame_equal(predictions[positions.columns.tolist()], positions)
    for image_id, rows in predictions.groupby("image_id"):
        with np.load(run.heatmap(image_id)) as file:
            row = np.searchsorted(file["rows"], rows["row"])
            order = np.argsort(file["cols"])
            col = order[np.searchsorted(file["cols"][order], rows["col"])]
            np.testing.assert_array_equal(file["logit"][row, col], rows["logit"])
            np.testing.assert_array_equal(file["probability"][row, col], rows["probability"])
    # The mark lies in the outline, so positive positions score higher in both orientations.
    mean = predictions.groupby(["image_id", "label"])["logit"].mean().unstack()
    assert (mean[1] > mean[0] + 3).all()


def test_maps_are_smoothed_and_brought_to_one_level_as_the_model_says(tmp_path, network):
    run = write_small_run(tmp_path)
    heatmap(stage_of(run), mapper_of=network.of)
    plain = read_map(run.heatmap("plain")).logit
    maps = MapSettings(smooth_mm=1.2, level_share=0.5).model_dump(mode="json")
    write_model_card(run, maps=maps, usual_level=2.0)
    heatmap(
        stage_of(run), mapper_of=network.of
    )  # its maps are others, so the first are not taken for them
    finite, pitch_mm = np.isfinite(plain), json.loads(run.heatmap_summary.read_text())["pitch_mm"]
    smooth = smooth_map(plain, finite, sigma_cells=1.2 / pitch_mm)
    expected = smooth - 0.5 * (map_level(smooth, finite) - 2.0)
    np.testing.assert_allclose(read_map(run.heatmap("plain")).logit, expected, atol=1e-5)


@pytest.mark.parametrize(
    "changed",
    [{"flips": 2}, {"zooms": (0.8, 1.0)}, {"smooth_mm": 1.0}, {"level_share": 0.6}, {"level": 1.0}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_stopped_run_goes_on_with_no_map_that_was_made_otherwise(tmp_path, network, changed):
    run = write_small_run(tmp_path)
    own = {"level_share": 0.5}
    write_model_card(run, maps=MapSettings(**own).model_dump(mode="json"), usual_level=2.0)
    network.stops_at = 1
    with pytest.raises(KeyboardInterrupt):
        heatmap(stage_of(run), mapper_of=network.of)
    level = changed.get("level", 2.0)
    maps = MapSettings(**own | {k: v for k, v in changed.items() if k != "level"})
    write_model_card(run, maps=maps.model_dump(mode="json"), usual_level=level)
    heatmap(stage_of(run), mapper_of=network.of)
    assert network.mapped == 1 + 2


def test_the_same_inputs_give_the_same_bytes(tmp_path, network):
    run = write_small_run(tmp_path)

    def contents():
        heatmap(stage_of(run), mapper_of=network.of)
        files = [run.regions, run.candidates, run.images, run.predictions, run.heatmap("plain")]
        return [path.read_bytes() for path in files]

    assert contents() == contents()


def test_a_stopped_run_goes_on_and_the_old_result_stays_until_then(tmp_path, network):
    run = write_small_run(tmp_path)
    heatmap(stage_of(run), mapper_of=network.of)
    before = run.heatmap("plain").read_bytes()
    write_model_card(run, sha256="e" * 64)  # another model: all maps are made anew
    network.mapped, network.stops_at = 0, 1
    with pytest.raises(KeyboardInterrupt):
        heatmap(stage_of(run), mapper_of=network.of)
    assert run.heatmap("plain").read_bytes() == before
    heatmap(stage_of(run), mapper_of=network.of)
    assert network.mapped == 2  # the map of the stopped run is used
    assert run.heatmap("plain").read_bytes() != before
    assert not (run.root / "heatmaps.unfinished").exists()


@pytest.mark.parametrize(
    "changed",
    [{"prior": 0.3}, {"min_region_mm2": 500.0}, {"uncertainty": False}],
    ids=lambda changed: next(iter(changed)),
)
def test_what_changes_no_logit_computes_no_map(tmp_path, network, changed):
    run = write_small_run(tmp_path)
    write_model_card(run, maps={"flips": 2})
    heatmap(stage_of(run), mapper_of=network.of)
    logit, regions = read_map(run.heatmap("plain")).logit, run.regions.read_bytes()
    heatmap(stage_of(run, **changed), mapper_of=network.of)
    assert network.mapped == 2
    np.testing.assert_array_equal(read_map(run.heatmap("plain")).logit, logit)
    assert (run.regions.read_bytes() == regions) is ("uncertainty" in changed)


def test_another_threshold_or_prior_of_the_model_computes_no_map(tmp_path, network):
    run = write_small_run(tmp_path)
    heatmap(stage_of(run), mapper_of=network.of)
    write_model_card(run, region_threshold=0.9, calibration={"natural_prior": 0.2})
    heatmap(stage_of(run), mapper_of=network.of)
    assert network.mapped == 2
    image_map = read_map(run.heatmap("plain"))
    assert np.nanmax(image_map.probability) == read_card(run.model).calibration.probability(
        np.nanmax(image_map.logit)
    )


def test_maps_of_other_code_are_not_kept_committed_or_not(tmp_path, network, monkeypatch):
    run = write_small_run(tmp_path)
    heatmap(stage_of(run), mapper_of=network.of)
    code = tmp_path / "image_map.py"
    code.write_text("edited")
    monkeypatch.setattr("pipeline.run.code.code_of", lambda module: frozenset({code}))
    monkeypatch.setattr("pipeline.run.code.ROOT", tmp_path)
    heatmap(stage_of(run), mapper_of=network.of)
    assert network.mapped == 4
    heatmap(stage_of(run), mapper_of=network.of)
    assert network.mapped == 4
    code.write_text("edited again")
    heatmap(stage_of(run), mapper_of=network.of)
    assert network.mapped == 6


def test_files_of_images_that_are_gone_are_removed(tmp_path, network):
    run = write_small_run(tmp_path)
    for stale in (run.heatmap("gone"), run.overlay("gone")):
        stale.parent.mkdir(parents=True, exist_ok=True)
        stale.write_bytes(b"old")
    heatmap(stage_of(run), mapper_of=network.of)
    assert sorted(p.name for p in run.heatmaps.iterdir()) == ["mirrored.npz", "plain.npz"]
    assert sorted(p.name for p in run.overlays.iterdir()) == ["mirrored.png", "plain.png"]


def test_regions_and_pictures_are_announced_to_tracking(tmp_path, network):
    run = write_small_run(tmp_path)
    heatmap(stage_of(run), mapper_of=network.of)
    events = read_events(run.events)
    paths = [(e["path"], e["folder"]) for e in events if e["event"] == "artifact"]
    assert paths == [
        ("regions.csv", ""),
        ("overlays/mirrored.png", "heatmaps"),
        ("overlays/plain.png", "heatmaps"),
        ("report.html", ""),
    ]
    metrics = next(e["values"] for e in events if e["event"] == "metrics")
    assert metrics["images"] == 2 and metrics["images_per_second"] > 0


def test_it_runs_with_a_network_of_the_models(tmp_path):
    from models.network import NetworkSpec, build_network
    from models.saved import save_weights

    run = write_small_run(tmp_path)
    spec = NetworkSpec("valid", patch_px=64, width=4)
    network = build_network(spec, seed=3)
    save_weights(network, run.model / "model.safetensors")
    sha256 = file_sha256(run.model / "model.safetensors")
    write_model_card(run, sha256=sha256, network=dict(network_card(spec)))
    heatmap(stage_of(run))
    with np.load(run.heatmap("plain")) as file:
        # 100 x 80 pixels of 0.2 mm at the step of this network, 8 pixels.
        assert file["logit"].shape == (14, 11)
        patch = np.full((1, 64, 64, 1), 10_000 / 65535, np.float32)  # far from the mark
        assert file["logit"][0, -1] == pytest.approx(float(network(patch)[0, 0, 0]), abs=1e-5)


def test_without_test_mammograms_it_says_so(tmp_path, network):
    run = write_small_run(tmp_path, split="train")
    with pytest.raises(UserError, match="no test mammogram"):
        heatmap(stage_of(run), mapper_of=network.of)


def test_a_model_for_another_spacing_is_refused(tmp_path, network):
    run = write_small_run(tmp_path)
    write_model_card(run, image={"spacing_mm": 0.1})
    with pytest.raises(UserError, match=r"prepared at 0\.2 mm.* expects 0\.1 mm"):
        heatmap(stage_of(run), mapper_of=network.of)


def test_a_patch_table_older_than_the_mammogram_is_refused(tmp_path, network):
    run = write_small_run(tmp_path)
    positions = read_positions(run)
    positions.loc[0, "row_index"] = 99
    positions.to_parquet(run.positions)
    with pytest.raises(UserError, match="older than the mammogram"):
        heatmap(stage_of(run), mapper_of=network.of)


def test_damaged_weights_are_a_sentence_not_a_traceback(tmp_path):
    run = write_small_run(tmp_path)
    (run.model / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match="was damaged"):
        heatmap(stage_of(run))


def test_a_run_can_use_the_model_of_another_run(tmp_path):
    other = write_small_run(tmp_path)
    run = RunFolder(tmp_path / "new")
    for named in (other.root, other.model):
        remember(run, Settings(), Remembered(model=str(named)))
        assert model_folder(run) == other.model
    remember(run, Settings(), Remembered(model=str(tmp_path / "nothing")))
    with pytest.raises(UserError, match=r"nothing/model/model\.json is missing"):
        model_folder(run)


def test_a_map_that_was_lost_is_named_and_the_others_are_kept(tmp_path, network, monkeypatch):
    run = write_small_run(tmp_path)

    def lose_the_first(function, items, **_):
        return [Lost("out of memory"), *map(function, items[1:])]

    with (
        monkeypatch.context() as patched,
        pytest.raises(UserError, match=r"1 of 2 maps .* mirrored"),
    ):
        patched.setattr(map_set, "map_images", lose_the_first)
        heatmap(stage_of(run), mapper_of=network.of)
    made = network.mapped
    heatmap(stage_of(run), mapper_of=network.of)
    assert network.mapped == made + 1


def test_mlflow_gets_the_pictures_of_the_highest_scores_where_there_are_many(monkeypatch, capsys):
    scores = {"a": 0.1, "b": 3.0, "c": -1.0, "d": 2.0}
    tables = [SimpleNamespace(image={"image_id": i, "score": s}) for i, s in scores.items()]
    assert shown_in_mlflow(tables) == ["a", "b", "c", "d"]
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("pipeline.heatmap.stage.MOST_IN_MLFLOW", 2)
    assert shown_in_mlflow(tables) == ["b", "d"]
    assert "pictures of the 2 mammograms with the highest scores" in capsys.readouterr().out
