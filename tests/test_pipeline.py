"""All stages in a row, on a small phantom: what a user of the two commands may rely on."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.model.configure import configure
from pipeline.run.graph import STAGE_SECTIONS
from pipeline.run.layout import RunFolder
from pipeline.run.pseudonyms import known_original
from pipeline.run.settings import parse_set
from pipeline.run.stage import run_missing

CONFIG = Path(__file__).parents[1] / "configs" / "default.yaml"
SMALL = (
    "phantom.patients=12 phantom.spacing_mm=0.4 phantom.contrast=4.5 image.spacing_mm=0.4 "
    "split.test=0.34 split.validation=0.25 network.width=16 train.epochs=5 "
    "train.steps_per_epoch=60 train.batch=8 train.warmup_steps=10 train.average=0.9 "
    "train.learning_rate=3e-3 train.members=1 train.deterministic=true "
    "train.readers=1 evaluate.bootstrap=50 maps.smooth_mm=0"
)
# Bytes do not need a network that has learned something.
TINY = f"{SMALL} phantom.patients=6 train.epochs=1 train.steps_per_epoch=6 train.warmup_steps=2"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    root = tmp_path_factory.mktemp("pipeline")
    before = Path.cwd()
    os.chdir(root)  # data/phantom and data/store belong to this test
    try:
        run = RunFolder(Path("runs/first"))
        configure(run, config=str(CONFIG), overrides=parse_set(SMALL))
        run_missing("evaluate", run.root)
        yield RunFolder(root / run.root)
    finally:
        os.chdir(before)


def test_every_file_of_the_data_is_accounted_for(run):
    intake = pd.read_csv(run.intake)
    found = [p for p in Path("data/phantom").rglob("*") if p.is_file()]
    assert len(intake) == len(found)
    assert set(intake["status"]) <= {"used", "skipped", "failed"}
    assert (intake["status"] == "used").sum() == 48
    assert intake.loc[intake["status"] != "used", "reason"].notna().all()


def test_every_test_mammogram_has_its_files(run):
    mammograms = pd.read_csv(run.mammograms)
    expected = set(mammograms.loc[mammograms["split"] == "test", "image_id"])
    assert len(expected) == 16
    assert {p.stem for p in run.heatmaps.glob("*.npz")} == expected
    assert {p.stem for p in run.overlays.glob("*.png")} == expected
    assert set(pd.read_csv(run.images)["image_id"]) == expected
    assert set(pd.read_parquet(run.predictions)["image_id"]) == expected


def test_the_map_covers_the_breast_in_original_pixels(run):
    row = pd.read_csv(run.mammograms).query("split == 'test'").iloc[0]
    with np.load(run.heatmap(row["image_id"])) as file:
        probability, rows, cols = file["probability"], file["rows"], file["cols"]
    assert probability.dtype == np.float32
    assert (probability.shape, rows.dtype) == ((len(rows), len(cols)), np.float64)
    pitch = 3.2 / row["original_spacing_mm"]
    assert np.abs(np.diff(rows)).max() <= pitch
    assert np.abs(np.diff(cols)).max() <= pitch
    finite = probability[np.isfinite(probability)]
    assert 0 <= finite.min() < finite.max() <= 1


def test_the_lesions_of_the_phantom_become_the_maxima_of_the_maps(run):
    metrics = json.loads(run.metrics.read_text())
    assert metrics["patch_auc"]["value"] > 0.9
    # The best candidate of an abnormal image lies in a lesion more often than not.
    first = {p["fp_per_image"]: p["sensitivity"] for p in metrics["froc"]}
    assert first[1] > 0.5


def test_the_figures_have_the_keys_that_people_read(run):
    metrics = json.loads(run.metrics.read_text())
    for name in ("patch_auc", "patch_ap", "image_auc", "mean_froc"):
        assert set(metrics[name]) >= {"value", "low", "high", "n"}
        assert metrics[name]["low"] <= metrics[name]["value"] <= metrics[name]["high"]
    assert [p["fp_per_image"] for p in metrics["froc"]] == [0.25, 0.5, 1, 2, 4, 8]
    assert {"rule", "seed", "split"} <= set(metrics)


def test_the_table_the_targets_and_the_evaluation_label_alike(run):
    from pipeline.annotations.geometry import geometry_of
    from pipeline.annotations.labels import LabelRule, label_points
    from pipeline.annotations.outlines import read_outlines, standard_outlines
    from pipeline.config import LabelSettings
    from pipeline.preprocess.tables import read_mammograms, read_positions
    from pipeline.train.data.corpus import read_corpus

    mammograms, outlines = read_mammograms(run), read_outlines(run)
    positions = read_positions(run)
    predictions = pd.read_parquet(run.predictions)
    evaluated = predictions.merge(positions, on=["image_id", "row_index", "col_index"])
    assert len(evaluated) == len(predictions)
    assert (evaluated["label_x"] == evaluated["label_y"]).all()

    corpus = read_corpus(mammograms, outlines, positions, labels=LabelSettings())
    by_image = dict(list(positions.groupby("image_id")))
    for image in corpus.images:
        table = by_image[image.image_id]
        places = (table[name].to_numpy(float) for name in ("row_standard", "col_standard"))
        targets = image.labels(*places)
        np.testing.assert_array_equal(targets, table["label"])
    for row in mammograms.to_dict("records"):
        geometry, table = geometry_of(row), by_image[row["image_id"]]
        labels = label_points(
            table["row_standard"].to_numpy(float),
            table["col_standard"].to_numpy(float),
            standard_outlines(outlines.get(row["image_id"], []), geometry),
            LabelRule.from_settings(LabelSettings(), geometry.spacing_mm),
        )
        np.testing.assert_array_equal(labels, table["label"])
    assert (positions["label"] == 1).sum() > 20


def test_the_report_needs_no_other_file(run):
    page = run.report.read_text(encoding="utf-8")
    assert "SYNTHETIC" in page.upper()
    assert 'src="http' not in page
    for image_id in pd.read_csv(run.images)["image_id"]:
        assert image_id in page


def test_mlflow_gets_a_model_that_agrees_with_the_map(run, monkeypatch):
    import mlflow
    from mlflow.tracking import MlflowClient

    from pipeline.tracking.client import tracking_uri
    from pipeline.tracking.upload import upload

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    upload(run)
    client = MlflowClient(tracking_uri())
    runs = {r.info.run_name: r for r in client.search_runs(["1"])}
    parts = (*STAGE_SECTIONS, "maps by epoch")
    assert set(runs) == {"first", *(f"first/{part}" for part in parts)}
    heatmaps = client.list_artifacts(runs["first/heatmap"].info.run_id, "heatmaps")
    assert len(heatmaps) == 16
    logged = runs["first/train"].outputs.model_outputs[0]
    model = mlflow.pyfunc.load_model(f"models:/{logged.model_id}")
    mammograms = pd.read_csv(run.mammograms)
    test = mammograms[mammograms["split"] == "test"]
    hers = test[test["patient_id"] == test["patient_id"].iloc[0]]
    answers = model.predict(pd.DataFrame({"file": hers["file"]}), params={"with_map": True})
    candidates = pd.read_csv(run.candidates)
    assert len(answers) > 1
    for image_id, answer in zip(hers["image_id"], answers, strict=True):
        with np.load(run.heatmap(image_id)) as kept:
            served = np.array(answer["map"]["probability"], np.float64)
            np.testing.assert_allclose(served, kept["probability"], atol=1e-5)
        own = candidates[candidates["image_id"] == image_id]
        for column in ("row", "col", "probability", "candidate_probability"):
            told = [candidate[column] for candidate in answer["candidates"]]
            known = [np.nan if value is None else value for value in told]
            np.testing.assert_allclose(known, own[column], atol=1e-5)


def test_a_second_run_gives_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = RunFolder(Path("runs/first")), RunFolder(Path("runs/second"))
    for run in (first, second):
        shutil.rmtree("data", ignore_errors=True)
        configure(run, config=str(CONFIG), overrides=parse_set(TINY))
        run_missing("heatmap", run.root)
    for name in (
        *("images_table", "findings_table", "files_table", "intake", "mammograms"),
        *("outlines", "positions", "regions", "candidates"),
    ):
        assert getattr(first, name).read_bytes() == getattr(second, name).read_bytes(), name
    weights = "model.safetensors"
    assert (first.model / weights).read_bytes() == (second.model / weights).read_bytes()
    assert len(pd.read_csv(first.candidates)) > 0


def test_a_model_maps_other_mammograms_without_findings(run):
    source = sorted(Path("data/phantom").rglob("*.dcm"))[:2]
    folder = Path("hospital")
    folder.mkdir()
    for file in source:
        shutil.copy(file, folder)
    (folder / "letter.txt").write_text("not a mammogram")
    other = RunFolder(Path("runs/other"))
    configure(
        other,
        config=str(CONFIG.with_name("dicom.yaml")),
        overrides={"data.root": str(folder)},
        model=str(run.root),
    )
    run_missing("evaluate", other.root)
    assert len(list(other.heatmaps.glob("*.npz"))) == 2
    intake = pd.read_csv(other.intake)
    assert "letter.txt" not in other.intake.read_text()  # names of a hospital stay at home
    names = intake["file"].map(known_original)
    assert dict(zip(names, intake["status"], strict=True))["letter.txt"] == "skipped"
    metrics = json.loads(other.metrics.read_text())
    assert metrics["patch_auc"]["value"] is None
    assert metrics["patch_auc"]["reason"]
