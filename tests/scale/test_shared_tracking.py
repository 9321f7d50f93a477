"""MLflow for a group: twenty runs at once into PostgreSQL and a bucket, also where the server dies."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.faults.child import inside
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import told
from pipeline.tracking.client import quiet_environment
from tests.model.cards import write_a_card
from tests.scale.cluster import ROOT
from tests.scale.postgres import postgres
from tests.scale.s3 import bucket_files, make_bucket, s3_server
from tests.scale.shared_server import PASSWORD, shared_server

pytestmark = pytest.mark.scale

RUNS = 20
EPOCHS = 12
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def database():
    with postgres() as found:
        yield found


@pytest.fixture(scope="module")
def server(database, tmp_path_factory):
    """The server, with a bucket; this process and what it starts are led to both."""
    with s3_server() as s3, pytest.MonkeyPatch.context() as patch:
        for name, value in s3.items():
            patch.setenv(name, value)
        make_bucket("group")
        folder = tmp_path_factory.mktemp("server")
        with shared_server(folder, database, s3, "s3://group/mlflow") as started:
            patch.setenv("MLFLOW_TRACKING_URI", started.address)
            patch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
            patch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
            # On a machine that has other work, too.
            patch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "300")
            for name in s3:  # which only the server needs
                patch.delenv(name)
            started.s3 = s3
            yield started


def write_run(number: int, front: str) -> RunFolder:
    """A run folder as preprocess, train and evaluate leave it, no two alike."""
    run = RunFolder(Path(f"runs/{front}-{number}"))
    settings = told(Settings(train={"seed": number}))
    for stage, sections in (
        ("preprocess", ("data", "image")),
        ("train", ("network", "train")),
        ("evaluate", ("evaluate",)),
    ):
        log = EventLog(run, stage)
        log.start(settings={s: settings[s] for s in sections}, commit="abc", dirty=False)
        table = run.root / f"{stage}.csv"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(f"run,stage\n{number},{stage}\n", encoding="utf-8")
        if stage == "preprocess":
            log.metrics({"all_patients": number, "all_images": 2 * number, "all_lesions": 3})
        elif stage == "train":
            for epoch in range(EPOCHS):
                log.metrics({"train/loss": 1 / (epoch + number + 1), "val/auc": 0.5}, step=epoch)
            picture = run.root / "watched.webp"
            picture.write_bytes(f"picture {number}".encode())
            log.image(picture, key="left CC", step=1)
            write_a_card(run.model, sha256=sha_of(run))
        else:
            log.metrics({"patch_auc/value": number / 100, "patch_auc/low": 0.1})
            run.metrics.write_text(
                json.dumps(
                    {
                        "patch_auc": {"value": number / 100, "low": 0.1, "high": 1.0},
                        "model_sha256": sha_of(run),
                    }
                )
            )
            (run.root / "report.html").write_text(f"<p>{number}</p>", encoding="utf-8")
        log.artifact(table, folder="tables")
        log.finish(status="finished", seconds=2.0, peak_mib=10.0)
    return run


def sha_of(run: RunFolder) -> str:
    return run.root.name.encode().hex().rjust(64, "0")


def senders(runs: list[RunFolder]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.scale.senders", *(str(run.root) for run in runs)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def sent(runs: list[RunFolder]) -> list[str]:
    """Send them all at once; what each was told."""
    process = senders(runs)
    assert process.wait(timeout=600) == 0
    return [(run.root / "said").read_text() for run in runs]


def check_is_whole(database, server, runs: list[RunFolder], experiment: str) -> None:
    """All of them is there exactly once, and nothing else is in the experiment."""
    one = database.rows(f"SELECT experiment_id FROM experiments WHERE name = '{experiment}'")
    assert len(one) == 1
    number = one[0][0]
    where = f"WHERE r.experiment_id = {number} AND r.lifecycle_stage = 'active'"
    stages = {"preprocess", "train", "evaluate", "maps by epoch"}
    names = [run.root.name for run in runs]
    found = database.rows(f"SELECT r.name, r.status, r.run_uuid FROM runs r {where}")
    expected = sorted(["", *sorted(f"/{s}" for s in stages)])
    assert sorted(row[0] for row in found) == sorted(f"{n}{s}" for n in names for s in expected)
    assert {row[1] for row in found} == {"FINISHED"}
    ids = {row[0]: row[2] for row in found}
    parents = database.rows(
        f"SELECT r.name, t.value FROM runs r JOIN tags t USING (run_uuid) {where} "
        "AND t.key = 'mlflow.parentRunId'"
    )
    assert sorted(parents) == sorted([f"{n}/{s}", ids[n]] for n in names for s in stages)
    metrics = database.rows(
        f"SELECT r.name, m.key, m.step, m.value FROM metrics m JOIN runs r USING (run_uuid) {where}"
    )
    assert sorted((n, k, int(s), float(v)) for n, k, s, v in metrics) == sorted(
        row for run in runs for row in metrics_of(run)
    )
    seeds = database.rows(
        f"SELECT r.name, p.value FROM params p JOIN runs r USING (run_uuid) {where} "
        "AND p.key = 'train.seed' AND r.name NOT LIKE '%/%'"
    )
    assert sorted(seeds) == sorted([n, n.rpartition("-")[2]] for n in names)
    check_files(server, runs, ids, number)
    check_models(database, runs, ids, number)


def metrics_of(run: RunFolder) -> list[tuple]:
    name, number = run.root.name, int(run.root.name.rpartition("-")[2])
    cost = {"stage_seconds": 2.0, "peak_memory_mib": 10.0}
    counts = {"all_patients": number, "all_images": 2 * number, "all_lesions": 3}
    return [
        *((f"{name}/{stage}", *it, 0, 0) for stage in () for it in cost.items()),
        *(
            (f"{name}/{stage}", key, 0, float(value))
            for stage, more in (
                ("preprocess", counts),
                ("train", {}),
                ("evaluate", {"patch_auc/value": number / 100, "patch_auc/low": 0.1}),
            )
            for key, value in (cost | more).items()
        ),
        *(
            (f"{name}/train", key, epoch, value)
            for epoch in range(EPOCHS)
            for key, value in (("train/loss", 1 / (epoch + number + 1)), ("val/auc", 0.5))
        ),
        *(
            (name, key, 0, float(value))
            for key, value in (
                ("patients", number),
                ("images", 2 * number),
                ("lesions", 3),
                ("patch_auc", number / 100),
                ("interval/patch_auc/low", 0.1),
            )
        ),
    ]


def check_files(server, runs: list[RunFolder], ids: dict[str, str], experiment: str) -> None:
    files = bucket_files(server.s3, f"group/mlflow/{experiment}")
    for run in runs:
        name = run.root.name
        for stage in ("preprocess", "train", "evaluate"):
            place = f"{ids[f'{name}/{stage}']}/artifacts/tables/{stage}.csv"
            assert files.pop(place) == (run.root / f"{stage}.csv").read_bytes()
        for file in ("metrics.json", "report.html"):
            assert files.pop(f"{ids[name]}/artifacts/{file}") == (run.root / file).read_bytes()
        pictures = [f for f in files if f.startswith(f"{ids[f'{name}/maps by epoch']}/")]
        assert len(pictures) == 2
        for picture in pictures:
            assert "/artifacts/images/left CC+step+1+" in picture.replace("%20", " ")
            assert files.pop(picture) == (run.root / "watched.webp").read_bytes()
    assert {file.split("/")[0] for file in files} == {"models"}


def check_models(database, runs: list[RunFolder], ids: dict[str, str], experiment: str) -> None:
    models = database.rows(
        "SELECT source_run_id, status, 'models:/' || model_id FROM logged_models "
        f"WHERE experiment_id = {experiment} AND lifecycle_stage = 'active'"
    )
    assert sorted(row[0] for row in models) == sorted(ids[f"{r.root.name}/train"] for r in runs)
    sources = {row[0]: row[2] for row in models}
    versions = database.rows(
        "SELECT v.run_id, v.source, t.value FROM model_versions v JOIN model_version_tags t "
        "USING (name, version) WHERE t.key = 'model_sha256' AND v.name = 'mammograms-phantom'"
    )
    assert sorted(versions) == sorted(
        [ids[run.root.name], sources[ids[f"{run.root.name}/train"]], sha_of(run)] for run in runs
    )


def test_twenty_runs_at_once_are_whole_and_there_once(server, database, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "twenty")
    with inside(tmp_path):
        runs = [write_run(number, "at-once") for number in range(RUNS)]
        began = time.monotonic()
        assert sent(runs) == [""] * RUNS
        print("SECONDS", time.monotonic() - began)
        check_is_whole(database, server, runs, "twenty")
        champion = make_champion(runs[3])
        assert champion
