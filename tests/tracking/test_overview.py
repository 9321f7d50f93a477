"""What a run of MLflow shows of a whole run folder."""

import json

import pytest

from pipeline.figures.registry import headline_metrics
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.tracking.upload import upload
from tests.fault_injection.memory_store import Store

FINGERPRINT = "77" * 32


@pytest.fixture
def shown(tmp_path, monkeypatch) -> tuple[Store, str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run = RunFolder(tmp_path / "runs" / "mine")
    run.catalog.parent.mkdir(parents=True)
    counts = dict.fromkeys(("patients", "images", "findings", "files"), 5)
    run.catalog.write_text(json.dumps({"fingerprint": FINGERPRINT, **counts}))
    figures = {f"{m.name}/{k}": 0.5 for m in headline_metrics() for k in ("value", "low", "high")}
    told = {
        "ingest": ({"data": {"importer": "mias", "root": "/secret"}}, {}),
        "preprocess": ({"image": {"spacing_mm": 0.2}}, {"all_patients": 161.0}),
        "train": ({"network": {"backbone": "valid"}, "train": {"readers": 3}}, {}),
        "evaluate": ({"evaluate": {"seed": 0}}, figures),
    }
    for stage, (settings, values) in told.items():
        log = EventLog(run, stage)
        log.start(settings=settings, commit="abc", dirty=False)
        log.metrics(values)
        if stage == "train":
            (run.root / "map.webp").write_bytes(b"map")
            log.image(run.root / "map.webp", key="i1", step=1)
        log.finish(status="finished", seconds=1.0, peak_mib=1.0)
    run.report.write_text("")
    store = Store()
    upload(run, client=store)
    return store, "run-0"


def test_settings_that_count_are_its_parameters_and_places_are_not(shown):
    store, run_id = shown
    params = store.runs[run_id].data.params
    assert params["data.importer"] == "mias"
    assert params["image.spacing_mm"] == "0.2"
    assert params["network.backbone"] == "valid"
    assert not {"data.root", "train.readers", "phantom.seed"} & set(params)


def test_headline_figures_with_intervals_and_counts_are_its_metrics(shown):
    store, run_id = shown
    names = {name for i, name, *_ in store.metrics if i == run_id}
    assert {"patients", "patch_auc", "mean_froc", "image_auc", "observed_over_expected"} <= names
    assert {"interval/mean_froc/low", "interval/mean_froc/high"} <= names


def test_the_data_set_is_its_input_by_the_fingerprint_of_the_catalog(shown):
    store, run_id = shown
    assert store.inputs == {run_id: [("mias", FINGERPRINT[:36])]}


def test_the_note_says_what_it_is_links_the_report_and_names_the_next_command(shown):
    store, run_id = shown
    note = store.runs[run_id].tags["mlflow.note.content"]
    assert "mias, 161 patients" in note
    assert "| mean FROC sensitivity | 0.500 | 0.500 to 0.500 |" in note
    runs, classic = "#/experiments/1/runs", "?workflowType=machine_learning"
    assert f"[report.html]({runs}/{run_id}/artifacts/report.html{classic})" in note
    [shown] = [i for i, r in store.runs.items() if r.info.run_name == "mine/maps by epoch"]
    assert f"epoch by epoch]({runs}/{shown}/model-metrics{classic})" in note
    # MLflow folds what is below, and lays something over the links there.
    assert note.index("report.html") < note.index("make champion RUN=") < note.index("| figure |")
    assert store.runs[run_id].tags["mlflow.source.git.commit"] == "abc"
    assert (run_id, "report.html", None) in store.artifacts


def test_the_experiment_has_a_view_with_figures_and_settings_as_columns(shown):
    store, _ = shown
    [view] = store.views.values()
    columns = json.loads(json.loads(view)["state"])["selectedColumns"]
    for name in ("patch_auc", "mean_froc", "image_auc", "observed_over_expected", "patients"):
        assert f"metrics.`{name}`" in columns
    assert {"attributes.`Dataset`", "params.`network.backbone`", "attributes.`Version`"} <= {
        *columns
    }
