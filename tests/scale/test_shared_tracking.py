"""MLflow for a group: twenty runs at once into PostgreSQL and a bucket, also where both fail."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.run.atomic import write_json
from pipeline.run.events import EventLog, read_events
from pipeline.run.layout import RunFolder
from pipeline.run.settings import told
from tests.fault_injection.child import inside
from tests.model.cards import write_a_card
from tests.scale.cluster import ROOT
from tests.scale.postgres import postgres
from tests.scale.s3 import bucket_files, make_bucket, remove_bucket, s3_server
from tests.scale.shared_server import SharedServer, shared_server

pytestmark = pytest.mark.scale

RUNS, EPOCHS = 20, 12
SECONDS = 1500  # to wait at most; on a machine that has nothing else to do it is one minute
STAGES = ("train", "evaluate")
CATALOG = {"fingerprint": "f" * 64, "patients": 9, "images": 18, "findings": 3, "files": 18}
SECRETS = {"ann": "secret-of-ann", "bob": "secret-of-bob"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with (
        postgres() as database,
        s3_server() as s3,
        shared_server(tmp_path_factory.mktemp("server"), database, s3, "s3://group/of us") as made,
    ):
        make_bucket("group", s3)
        for name, secret in SECRETS.items():
            made.add_user(name, secret)
        yield made


def write_run(number: int) -> RunFolder:
    """A run folder as two stages leave it, no two alike, but all of the same data set."""
    run = RunFolder(Path(f"runs/film-{number}"))
    write_json(run.catalog, CATALOG)
    write_a_card(run.model, sha256=f"{number:064x}")
    figure = {"value": number / 100, "low": 0.1, "high": 0.9}
    write_json(run.metrics, {"patch_auc": figure, "model_sha256": f"{number:064x}"})
    (run.root / "report.html").write_text(f"<p>{number}</p>", encoding="utf-8")
    settings = told(Settings(train={"seed": number}))
    for stage in STAGES:
        log = EventLog(run, stage)
        shown = {name: settings[name] for name in ("data", stage)}
        log.start(settings=shown, commit="abc", dirty=False)
        table = run.root / f"{stage}.csv"
        table.write_text(f"run,stage\n{number},{stage}\n", encoding="utf-8")
        log.artifact(table, folder="tables")
        if stage == "train":
            for epoch in range(EPOCHS):
                log.metrics({"loss": 1 / (1 + epoch + number), "auc": 0.5}, step=epoch)
            picture = run.root / "map.webp"
            picture.write_bytes(f"picture {number}".encode())
            log.image(picture, key="left CC", step=1)
        else:
            log.metrics({f"patch_auc/{name}": value for name, value in figure.items()})
        log.finish(status="finished", seconds=2.0, peak_mib=10.0)
    return run


def number_of(run: RunFolder) -> int:
    return int(run.root.name.removeprefix("film-"))


def environment(server: SharedServer, user: str) -> dict[str, str]:
    """What a person sets: one has the password in the address, as the documentation does not."""
    by_address = user == "ann"
    place = server.address.replace("://", f"://ann:{SECRETS['ann']}@" if by_address else "://")
    known = {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": SECRETS[user]}
    return {
        **os.environ,
        **({} if by_address else known),
        "MLFLOW_TRACKING_URI": place,
        "MLFLOW_EXPERIMENT_NAME": "of us",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "300",
        "PYTHONPATH": str(ROOT),
    }


class Senders:
    """Uploads of run folders that have begun, half of them of each person, all at once."""

    def __init__(self, server: SharedServer, runs: list[RunFolder]):
        self._runs, self._processes = runs, []
        for share, user in enumerate(SECRETS):
            if words := [str(run.root) for run in runs[share::2]]:
                self._processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "tests.scale.senders", *words],
                        env=environment(server, user),
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        text=True,
                    )
                )

    def said(self) -> list[str]:
        """What each run was told, "" where all is well, when all have ended."""
        printed = [process.communicate(timeout=SECONDS)[0] for process in self._processes]
        assert not any(process.returncode for process in self._processes), printed
        assert not any(secret in text for text in printed for secret in SECRETS.values())
        return [(run.root / "said").read_text() for run in self._runs]


def test_twenty_runs_at_once_are_whole_and_there_once_also_after_crashes(server, tmp_path):
    with inside(tmp_path):
        runs = [write_run(number) for number in range(RUNS)]
        senders = Senders(server, runs)
        wait_until(lambda: count_of_metrics(server) > 100)
        server.kill()
        wait_until(lambda: any((run.root / "said").is_file() for run in runs))
        server.start()
        said = senders.said()
        assert any(said)
        assert all("Nothing is lost" in text for text in said if text), said
        # By the server that was away, and not because others were at the same work.
        assert all("HTTPConnectionPool" in text for text in said if text), said
        left = count_of_metrics(server)
        assert left < sum(len(metrics_of(run)) for run in runs)
        server.database.crash()
        server.database.start()
        assert Senders(server, runs).said() == [""] * RUNS
        check_runs(server, runs)
        check_no_secrets(server, tmp_path)
        check_champion(server, runs[3])


def test_a_bucket_that_is_not_there_is_a_sentence_and_nothing_is_lost(server, tmp_path):
    with inside(tmp_path):
        run = write_run(100)
        remove_bucket("group", server.s3)
        try:
            (said,) = Senders(server, [run]).said()
        finally:
            make_bucket("group", server.s3)
        assert f"The MLflow server {server.address} answers and takes no files now" in said
        assert "make track RUN=runs/film-100 sends them later" in said
        assert Senders(server, [run]).said() == [""]


def wait_until(is_so) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def count_of_metrics(server: SharedServer) -> int:
    return int(server.database.rows("SELECT count(*) FROM metrics")[0][0])


def metrics_of(run: RunFolder) -> list[tuple[str, str, int, float]]:
    """Run of MLflow, name, step, value: what the log has, and what stands on the whole run."""
    name, number = run.root.name, number_of(run)
    found = []
    for event in read_events(run.events):
        cost = {"stage_seconds": 2.0, "peak_memory_mib": 10.0}
        values = {"metrics": event.get("values"), "finish": cost}.get(event["event"]) or {}
        place, step = f"{name}/{event['stage']}", event.get("step", 0)
        found += [(place, key, step, value) for key, value in values.items()]
    interval = {"interval/patch_auc/low": 0.1, "interval/patch_auc/high": 0.9}
    whole = {"patch_auc": number / 100, **interval}
    return found + [(name, key, 0, value) for key, value in whole.items()]


def check_runs(server: SharedServer, runs: list[RunFolder]) -> None:
    """All of them is there once, below one experiment, and nothing else is."""
    rows, names = server.database.rows, [run.root.name for run in runs]
    ((experiment,),) = rows("SELECT experiment_id FROM experiments WHERE name = 'of us'")
    of_us = f"r.experiment_id = {experiment} AND r.lifecycle_stage = 'active'"
    below = [*STAGES, "maps by epoch"]
    found = rows(f"SELECT name, run_uuid, status FROM runs r WHERE {of_us}")
    ids = {name: run_id for name, run_id, _ in found}
    assert sorted(name for name, _, _ in found) == sorted(
        [*names, *(f"{name}/{stage}" for name in names for stage in below)]
    )
    assert {status for _, _, status in found} == {"FINISHED"}
    tags = f"SELECT r.name, t.value FROM runs r JOIN tags t USING (run_uuid) WHERE {of_us}"
    assert sorted(rows(f"{tags} AND t.key = 'mlflow.parentRunId'")) == sorted(
        [f"{name}/{stage}", ids[name]] for name in names for stage in below
    )
    owners = dict(rows(f"{tags} AND t.key = 'mlflow.user' AND r.name NOT LIKE '%/%'"))
    assert [owners[name] for name in names[1::2]] == ["bob"] * (RUNS // 2)
    params = f"SELECT r.name, p.value FROM runs r JOIN params p USING (run_uuid) WHERE {of_us}"
    seeds = rows(f"{params} AND p.key = 'train.seed' AND r.name NOT LIKE '%/%'")
    assert sorted(seeds) == sorted([run.root.name, str(number_of(run))] for run in runs)
    metrics = rows(
        "SELECT r.name, m.key, m.step, m.value FROM runs r JOIN metrics m USING (run_uuid) "
        f"WHERE {of_us}"
    )
    assert sorted((n, key, int(step), float(value)) for n, key, step, value in metrics) == sorted(
        metric for run in runs for metric in metrics_of(run)
    )
    data = rows(
        f"SELECT count(DISTINCT d.dataset_uuid), count(*) FROM datasets d JOIN inputs i ON "
        f"i.source_id = d.dataset_uuid WHERE d.experiment_id = {experiment}"
    )
    assert data == [["1", str(RUNS)]]
    check_files(server, runs, ids, experiment)
    check_models(server, runs, ids, experiment)


def check_files(server: SharedServer, runs: list[RunFolder], ids: dict, experiment: str) -> None:
    files = bucket_files(server.s3, f"group/of us/{experiment}")
    for run in runs:
        name = run.root.name
        for stage in STAGES:
            sent = files.pop(f"{ids[f'{name}/{stage}']}/artifacts/tables/{stage}.csv")
            assert sent == (run.root / f"{stage}.csv").read_bytes()
        for file in ("metrics.json", "report.html"):
            sent = files.pop(f"{ids[name]}/artifacts/{file}")
            assert sent == (run.root / file).read_bytes()
        pictures = f"{ids[f'{name}/maps by epoch']}/artifacts/images/left CC+step+1+"
        both = [file for file in files if file.startswith(pictures)]
        assert [files.pop(file) for file in both] == [(run.root / "map.webp").read_bytes()] * 2
    assert {file.split("/")[0] for file in files} == {"models"}


def check_models(server: SharedServer, runs: list[RunFolder], ids: dict, experiment: str) -> None:
    rows = server.database.rows
    models = rows(
        "SELECT source_run_id, 'models:/' || model_id FROM logged_models "
        f"WHERE experiment_id = {experiment} AND lifecycle_stage = 'active'"
    )
    sources = dict(models)
    assert sorted(r for r, _ in models) == sorted(ids[f"{run.root.name}/train"] for run in runs)
    versions = rows(
        "SELECT v.run_id, v.source, t.value FROM model_versions v "
        "JOIN model_version_tags t USING (name, version) "
        "WHERE v.name = 'mammograms-phantom' AND t.key = 'model_sha256'"
    )
    assert sorted(versions) == sorted(
        [
            ids[run.root.name],
            sources[ids[f"{run.root.name}/train"]],
            f"{number_of(run):064x}",
        ]
        for run in runs
    )


def check_no_secrets(server: SharedServer, project: Path) -> None:
    contents = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    contents |= {"database": server.database.dump().encode(), "log": server.log.encode()}
    contents |= bucket_files(server.s3, "group")
    assert b"film-3" in contents["database"]
    for place, content in contents.items():
        for secret in (*SECRETS.values(), server.database.password):
            assert secret.encode() not in content, place


def check_champion(server: SharedServer, run: RunFolder) -> None:
    """It moves by hand alone."""
    aliases = (
        "SELECT a.alias, t.value FROM registered_model_aliases a "
        "JOIN model_version_tags t USING (name, version) WHERE t.key = 'model_sha256'"
    )
    assert server.database.rows(aliases) == []
    words = [ROOT / "scripts" / "champion.py", "--run", run.root]
    subprocess.run([sys.executable, *words], env=environment(server, "bob"), check=True)
    assert server.database.rows(aliases) == [["champion", f"{number_of(run):064x}"]]
