"""MLflow gets every event once, one child per stage, whatever fails in between."""

import json
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.lock import locked
from tests.fault_injection.memory_store import Outage, Store
from tests.model.cards import write_a_card


@pytest.fixture
def run(tmp_path, monkeypatch) -> RunFolder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return RunFolder(tmp_path / "runs" / "mine")


def children(client):
    from pipeline.tracking.client import EXPERIMENT

    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id])
    return {r.info.run_name: r for r in runs}


def test_a_killed_training_goes_on_in_its_child_and_a_new_one_gets_another(run):
    from mlflow.tracking import MlflowClient

    from pipeline.tracking.client import tracking_uri
    from pipeline.tracking.upload import upload

    events = EventLog(run, "train")
    events.start(settings={"train": {"epochs": 3}}, commit="abc", dirty=False)
    events.metrics({"loss": 0.5}, step=1)
    assert upload(run) == 2
    # Killed here, then started again.
    events.start(settings={"train": {"epochs": 3}}, commit="abc", dirty=False)
    events.metrics({"loss": 0.25}, step=2)
    table = run.root / "table.csv"
    table.write_text("rank\n1\n")
    events.artifact(table, folder="tables")
    events.finish(status="finished", seconds=2.0, peak_mib=10.0)
    assert upload(run) == 4
    assert upload(run) == 0

    client = MlflowClient(tracking_uri())
    runs = children(client)
    assert runs["mine"].info.status == "FINISHED"
    assert sorted(runs) == ["mine", "mine/train"]
    train = runs["mine/train"]
    assert train.data.tags["mlflow.parentRunId"] == runs["mine"].info.run_id
    assert train.data.params == {"train.epochs": "3"}
    assert train.info.status == "FINISHED"
    history = client.get_metric_history(train.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(1, 0.5), (2, 0.25)]
    files = client.list_artifacts(train.info.run_id, "tables")
    assert [f.path for f in files] == ["tables/table.csv"]

    events.start(settings={"train": {"epochs": 4}}, commit="abc", dirty=False)
    events.metrics({"loss": 0.5}, step=1)
    with locked(run):
        upload(run)
    assert children(client)["mine #2"].info.status == "RUNNING"
    assert children(client)["mine"].data.params["train.epochs"] == "3"
    assert children(client)["mine #2"].data.params["train.epochs"] == "4"
    experiment = client.search_runs([train.info.experiment_id])
    assert sum(r.info.run_name == "mine/train" for r in experiment) == 2


def two_stages(run: RunFolder) -> None:
    run.root.mkdir(parents=True)
    run.metrics.write_text(json.dumps({"patch_auc": {"value": 0.9}}))
    for stage in ("heatmap", "evaluate"):
        events = EventLog(run, stage)
        events.start(settings={stage: {"seed": 3}}, commit="abc", dirty=False)
        for step in range(3):
            events.metrics({"done": step, "left": 2 - step}, step=step)
        table = run.root / f"{stage}.csv"
        table.write_text("rank\n1\n")
        events.artifact(table, folder="tables")
        events.finish(status="finished", seconds=2.0, peak_mib=10.0)


def sent(run: RunFolder, store: Store) -> dict:
    from pipeline.tracking.upload import upload

    upload(run, client=store)
    return store.content()


@pytest.fixture
def whole(run) -> tuple[dict, int]:
    """What one upload without an outage leaves, and how many calls it takes."""
    two_stages(run)
    store = Store()
    return sent(run, store), store.calls


def test_after_an_outage_anywhere_it_goes_on_in_the_same_runs_and_sends_nothing_twice(run, whole):
    content, calls = whole
    assert [name for name, _ in content["runs"]] == ["mine", "mine/heatmap", "mine/evaluate"]
    for call in range(calls):
        run.tracking_state.unlink()
        store = Store()
        store.fails_at = call
        with pytest.raises(Outage):
            sent(run, store)
        assert sent(run, store) == content, call


def test_a_run_that_was_made_without_an_answer_is_found_again(run, whole):
    content, calls = whole
    for call in range(calls):
        run.tracking_state.unlink()
        store = Store()
        store.fails_at, store.unanswered = call, True
        with pytest.raises(Outage):
            sent(run, store)
        again = sent(run, store)
        assert {k: again[k] for k in ("runs", "parents", "params")} == {
            k: content[k] for k in ("runs", "parents", "params")
        }, call


def test_of_a_run_that_was_asked_for_twice_one_is_left(run, whole):
    content, calls = whole
    for call in (-1, *range(calls)):
        run.tracking_state.unlink()
        store = Store()
        store.repeated = True
        store.fails_at, store.unanswered = call, True
        if call >= 0:
            with pytest.raises(Outage):
                sent(run, store)
        again = sent(run, store)
        left = {i for i, r in store.runs.items() if r.info.lifecycle_stage == "active"}
        assert sorted(store.runs[i].info.run_name for i in left) == sorted(
            name for name, _ in content["runs"]
        ), call
        assert {m[0] for m in store.metrics} <= left
        assert again["metrics"] == content["metrics"]


@pytest.mark.parametrize("with_news", [False, True])
def test_a_run_that_a_slow_server_makes_after_all_is_taken_away(run, whole, monkeypatch, with_news):
    from pipeline.tracking.sent import PATIENCE_SECONDS
    from pipeline.tracking.upload import upload

    run.tracking_state.unlink()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "0")  # as if each call took longer
    store = Store()
    store.slow = True
    content = sent(run, store)
    assert may_come_twice(run)
    store.come_late()
    assert len(living(store)) == 6
    if with_news:
        EventLog(run, "evaluate").metrics({"late": 1.0}, step=9)
    assert upload(run, client=store) == with_news
    assert living(store) == [("mine", None), ("mine/heatmap", "mine"), ("mine/evaluate", "mine")]
    assert {*content["metrics"]} <= {*store.content()["metrics"]}
    later = time.time() + PATIENCE_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    assert not may_come_twice(run)
    store.calls = 0
    upload(run, client=store)  # once more, however late
    assert store.calls
    calls = store.calls
    assert (upload(run, client=store), store.calls) == (0, calls)


def test_a_run_whose_making_was_cut_off_is_taken_away_where_it_comes_after_another(run, whole):
    _, calls = whole
    for call in range(calls):
        run.tracking_state.unlink(missing_ok=True)
        store = Store()
        store.fails_at = call
        with pytest.raises(Outage):
            sent(run, store)
        made = list(store.runs.values())
        sent(run, store)
        named = [r for r in store.runs.values() if r not in made][:1]
        if not (named and may_come_twice(run)):
            continue
        info = named[0].info
        store._make_run(info.start_time, named[0].tags, info.run_name)
        sent(run, store)
        assert len(living(store)) == 3, call
        return
    pytest.fail("no run was cut off as it was made")


def test_a_model_that_was_long_in_sending_is_looked_for_again_till_it_is_there_once(
    run, monkeypatch
):
    from pipeline.tracking import sender

    looked: list[str] = []
    monkeypatch.setattr(sender, "log_model", lambda *_, **__: looked.append("logged"))
    monkeypatch.setattr(sender, "register", lambda *_, **__: looked.append("registered"))
    write_a_card(run.model)
    log = EventLog(run, "train")
    log.start(settings={"data": {"name": "", "importer": "mias"}}, commit="abc", dirty=False)
    log.finish(status="finished", seconds=2.0, peak_mib=10.0)
    store = Store()
    sent(run, store)
    assert looked == ["logged", "registered"]
    run.tracking_state.unlink()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "0")
    for _ in range(2):
        sent(run, store)
    assert looked == ["logged", "registered"] * 4  # sent, at the end of that, and next time


def test_a_server_that_answers_in_time_is_asked_nothing_more(run, whole):
    assert not may_come_twice(run)


def may_come_twice(run: RunFolder) -> bool:
    from pipeline.tracking.upload import may_come_twice

    return may_come_twice(run)


def test_what_another_run_gives_the_experiment_at_the_same_moment_is_no_outage(run, whole):
    content, _ = whole
    numbers = dict.fromkeys(("patients", "images", "findings", "files"), 1)
    run.catalog.parent.mkdir()
    run.catalog.write_text(json.dumps({"fingerprint": "f" * 64, **numbers}))
    run.tracking_state.unlink()
    store = Store()
    store.refused = {"set_experiment_tag", "log_inputs"}
    assert sent(run, store) == content
    assert not store.refused
    assert len(store.inputs) == len(store.views) == 1


def test_a_password_in_the_address_of_the_server_is_in_no_file_of_the_run(run, monkeypatch):
    from pipeline.tracking.upload import upload

    two_stages(run)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ann:secret-of-ann@mlflow.example.org")
    store = Store()
    content = sent(run, store)
    kept = json.loads(run.tracking_state.read_text())
    assert kept["uri"] == "https://mlflow.example.org"
    # As an earlier version kept it; and with another password it is the same server.
    kept["uri"] = "https://ann:secret-of-ann@mlflow.example.org"
    run.tracking_state.write_text(json.dumps(kept))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ann:secret@of-today@mlflow.example.org")
    EventLog(run, "evaluate").metrics({"late": 1.0}, step=9)
    assert upload(run, client=store) == 1
    assert store.content()["runs"] == content["runs"]
    for path in run.root.rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes(), path


def test_events_that_came_after_the_outage_are_sent_with_the_rest(run, whole):
    content, calls = whole
    run.tracking_state.unlink()
    store = Store()
    store.fails_at = calls - 6
    with pytest.raises(Outage):
        sent(run, store)
    EventLog(run, "evaluate").metrics({"late": 1.0}, step=9)
    again = sent(run, store)
    assert again["metrics"] == sorted([*content["metrics"], ("mine/evaluate", "late", 9, 1.0)])
    assert again["artifacts"] == content["artifacts"]


def test_the_parts_of_a_study_are_sent_with_it_and_below_it(run):
    parts = ((run, "crossval"), (run, "mine"), (run.fold(1), "train"), (run.mined, "train"))
    for part, stage in parts:
        log = EventLog(part, stage)
        log.start(settings={}, commit="", dirty=False)
        log.metrics({"loss": 0.5})
    content = sent(run, Store())
    names = [name for name, _ in content["runs"]]
    assert names == [
        *("mine", "mine/crossval", "mine/mine"),
        *("mine/folds/1", "mine/folds/1/train", "mine/mined", "mine/mined/train"),
    ]
    assert content["parents"] == [
        *(None, "mine", "mine"),
        *("mine/crossval", "mine/folds/1", "mine/mine", "mine/mined"),
    ]


def test_what_an_earlier_version_kept_of_an_upload_is_understood(run):
    two_stages(run)
    store = Store()
    content = sent(run, store)
    kept = json.loads(run.tracking_state.read_text())
    earlier = {name: kept[name] for name in ("uri", "key", "folder")}
    earlier |= {"parent": "run-0", "children": {"heatmap": "run-1"}, "events": 9, "steps": 0}
    run.tracking_state.write_text(json.dumps(earlier))
    EventLog(run, "evaluate").metrics({"late": 1.0}, step=9)
    again = sent(run, store)
    assert again["runs"] == content["runs"]
    assert again["metrics"] == sorted([*content["metrics"], ("mine/evaluate", "late", 9, 1.0)])


def test_a_lost_or_damaged_state_goes_on_in_the_same_runs(run, whole):
    content, _ = whole
    for damaged in (None, "", "{", "[1]", "null", '{"uri": 3}', '{"children": 7, "events": "x"}'):
        run.tracking_state.unlink(missing_ok=True)
        store = Store()
        sent(run, store)
        run.tracking_state.unlink()
        if damaged is not None:
            run.tracking_state.write_text(damaged)
        EventLog(run, "evaluate").metrics({"late": 1.0}, step=9)
        assert sent(run, store)["runs"] == content["runs"], damaged


def test_a_moved_project_goes_on_in_the_same_runs(run, whole, tmp_path, monkeypatch):
    store = Store()
    run.tracking_state.unlink()
    content = sent(run, store)
    kept = json.loads(run.tracking_state.read_text())
    assert str(tmp_path) not in kept["uri"]
    old = kept | {"uri": f"sqlite:///{tmp_path}/runs/mlflow/mlflow.db"}
    run.tracking_state.write_text(json.dumps(old))
    moved = tmp_path.with_name(f"{tmp_path.name}-moved")
    tmp_path.rename(moved)
    monkeypatch.chdir(moved)
    there = RunFolder(moved / "runs" / "mine")
    EventLog(there, "evaluate").metrics({"late": 1.0}, step=9)
    again = sent(there, store)
    assert again["runs"] == content["runs"]
    assert len(again["metrics"]) == len(content["metrics"]) + 1


def test_a_run_from_another_machine_is_sent_to_the_store_of_this_one_whole(
    run, whole, tmp_path, monkeypatch
):
    home = tmp_path / "home"
    shutil.copytree(tmp_path / "runs" / "mine", home / "runs" / "mine")
    monkeypatch.chdir(home)
    there = sent(RunFolder(Path("runs/mine")), Store())
    assert len(there["metrics"]) == len(whole[0]["metrics"])
    # A folder of MLflow that was deleted has forgotten all of it, too.
    shutil.rmtree("runs/mlflow")
    assert sent(RunFolder(Path("runs/mine")), Store())["metrics"] == there["metrics"]


def test_a_copied_run_folder_is_another_run_and_a_renamed_one_is_not(run, begun):
    copy = RunFolder(run.root.with_name("copy"))
    shutil.copytree(run.root, copy.root)
    EventLog(copy, "evaluate").metrics({"late": 2.0})
    sent(copy, begun)
    assert [name for name, _ in living(begun)][3:] == ["copy", "copy/heatmap", "copy/evaluate"]
    sent(copy, begun)
    renamed = RunFolder(run.root.with_name("renamed"))
    run.root.rename(renamed.root)
    EventLog(renamed, "evaluate").metrics({"late": 2.0})
    sent(renamed, begun)
    assert len(living(begun)) == 6


def delete(store: Store, *names: str) -> None:
    for made in store.runs.values():
        if made.info.run_name in names:
            made.info.lifecycle_stage = "deleted"


def living(store: Store) -> list[tuple]:
    runs = [r for r in store.runs.values() if r.info.lifecycle_stage == "active"]
    parents = {i: r.info.run_name for i, r in store.runs.items() if r in runs}
    return [(r.info.run_name, parents.get(r.tags.get("mlflow.parentRunId"))) for r in runs]


@pytest.fixture
def begun(run) -> Store:
    """A finished stage, and one that has not ended."""
    for stage, status in (("heatmap", "finished"), ("evaluate", "")):
        events = EventLog(run, stage)
        events.start(settings={stage: {"seed": 3}}, commit="abc", dirty=False)
        events.metrics({"done": 1.0})
        if status:
            events.finish(status=status, seconds=2.0, peak_mib=10.0)
    store = Store()
    with locked(run):
        sent(run, store)
    return store


@pytest.mark.parametrize("answer", ["deleted", "unknown"])
def test_a_deleted_child_that_goes_on_is_sent_again_whole(run, begun, answer):
    from pipeline.tracking.upload import upload

    if answer == "deleted":
        delete(begun, "mine/evaluate")
    else:
        del begun.runs["run-2"]
    EventLog(run, "evaluate").metrics({"late": 2.0})
    upload(run, client=begun)
    assert living(begun) == [("mine", None), ("mine/heatmap", "mine"), ("mine/evaluate", "mine")]
    new = list(begun.runs)[-1]
    assert [m[1:] for m in begun.metrics if m[0] == new] == [("done", 0, 1.0), ("late", 0, 2.0)]
    assert sum(m[1] == "done" for m in begun.metrics if m[0] == "run-1") == 1


def test_a_deleted_child_that_is_finished_stays_deleted(run, begun):
    delete(begun, "mine/heatmap")
    EventLog(run, "evaluate").metrics({"late": 2.0})
    sent(run, begun)
    assert living(begun) == [("mine", None), ("mine/evaluate", "mine")]


def test_a_deleted_parent_is_made_anew_and_takes_its_children(run, begun):
    delete(begun, "mine")
    EventLog(run, "evaluate").metrics({"late": 2.0})
    sent(run, begun)
    assert sorted(living(begun)) == [
        ("mine", None),
        ("mine/evaluate", "mine"),
        ("mine/heatmap", "mine"),
    ]


def test_where_all_was_deleted_the_run_is_sent_anew(run, begun):
    delete(begun, "mine", "mine/heatmap", "mine/evaluate")
    EventLog(run, "evaluate").metrics({"late": 2.0})
    sent(run, begun)
    assert living(begun) == [("mine", None), ("mine/heatmap", "mine"), ("mine/evaluate", "mine")]
    sent(run, begun)
    assert len(living(begun)) == 3


def statuses(store: Store) -> list[tuple[str, str]]:
    return [(r.info.run_name, r.info.status) for r in store.runs.values()]


def test_a_killed_stage_is_marked_when_the_next_one_starts(run, begun):
    EventLog(run, "heatmap").start(settings={}, commit="", dirty=False)
    log = EventLog(run, "train")
    log.start(settings={}, commit="", dirty=False)
    log.metrics({"loss": 1.0})
    with locked(run):
        sent(run, begun)
    assert statuses(begun) == [
        ("mine", "RUNNING"),
        ("mine/heatmap", "FINISHED"),
        ("mine/evaluate", "KILLED"),
        ("mine/train", "RUNNING"),
    ]


def test_a_killed_stage_that_starts_with_other_settings_gets_another_run_and_another_parent(
    run, begun
):
    log = EventLog(run, "evaluate")
    log.start(settings={"evaluate": {"seed": 4}}, commit="abc", dirty=False)
    log.metrics({"done": 3.0})
    with locked(run):
        sent(run, begun)
    assert statuses(begun) == [
        *[("mine", "KILLED"), ("mine/heatmap", "FINISHED"), ("mine/evaluate", "KILLED")],
        *[("mine #2", "RUNNING"), ("mine/evaluate", "RUNNING")],
    ]
    assert list(begun.runs.values())[-1].data.params == {"evaluate.seed": "4"}


def test_a_stage_is_marked_as_killed_when_its_process_is_gone(run, begun):
    assert [status for _, status in statuses(begun)] == ["RUNNING", "FINISHED", "RUNNING"]
    sent(run, begun)
    assert [status for _, status in statuses(begun)] == ["KILLED", "FINISHED", "KILLED"]
    EventLog(run, "evaluate").finish(status="finished", seconds=1.0, peak_mib=1.0)
    sent(run, begun)
    assert {status for _, status in statuses(begun)} == {"FINISHED"}


@pytest.mark.parametrize("status", [129, 143])
def test_one_ended_by_a_signal_was_killed_and_did_not_fail(run, begun, status):
    log = EventLog(run, "evaluate")
    log.finish(status="failed", seconds=1.0, peak_mib=1.0, message=f"SystemExit: {status}")
    sent(run, begun)
    assert [status for _, status in statuses(begun)] == ["KILLED", "FINISHED", "KILLED"]


def test_a_stage_that_failed_and_then_succeeded_keeps_no_error(run, begun):
    log = EventLog(run, "evaluate")
    log.finish(status="failed", seconds=1.0, peak_mib=1.0, message="UserError: no")
    sent(run, begun)
    whole, _, child = begun.runs.values()
    assert (child.info.status, child.tags["error"]) == ("FAILED", "no")
    assert (whole.info.status, whole.tags["error"]) == ("FAILED", "evaluate: no")
    assert "**evaluate failed:** no" in whole.tags["mlflow.note.content"]
    log.start(settings={"evaluate": {"seed": 3}}, commit="abc", dirty=False)
    log.finish(status="finished", seconds=1.0, peak_mib=1.0)
    sent(run, begun)
    assert child.info.status == whole.info.status == "FINISHED"
    assert "error" not in child.tags
    assert "error" not in whole.tags
    assert "evaluate failed" not in whole.tags["mlflow.note.content"]


def test_times_are_those_of_the_work_and_not_of_the_upload(run):
    run.root.mkdir(parents=True)
    lines = [
        {"time": 1000.5, "event": "start", "settings": {}, "commit": "abc", "dirty": False},
        {"time": 1160.5, "event": "finish", "status": "finished", "seconds": 160.0, "message": ""},
    ]
    lines[1]["peak_mib"] = 1.0
    run.events.write_text("".join(json.dumps({"stage": "train", **e}) + "\n" for e in lines))
    store = Store()
    sent(run, store)
    for made in store.runs.values():
        assert (made.info.start_time, made.info.end_time) == (1_000_500, 1_160_500)


def test_places_of_files_are_relative_to_the_project_and_survive_a_move(run, tmp_path, monkeypatch):
    from mlflow.tracking import MlflowClient

    from pipeline.tracking.client import LOCAL, PLACES, tracking_uri
    from pipeline.tracking.upload import upload

    two_stages(run)
    upload(run)
    database = LOCAL / "mlflow.db"

    def places() -> set[str]:
        with sqlite3.connect(database) as db:
            rows = [db.execute(f"SELECT {c} FROM {t}").fetchall() for t, c in PLACES]
        return {place for table in rows for (place,) in table if "mlruns" not in place}

    relative = places()
    assert all(place.startswith("runs/mlflow/artifacts") for place in relative)
    assert len(relative) == 4
    with sqlite3.connect(database) as db:  # as an earlier version left them
        for table, column in PLACES:
            absolute = (tmp_path / "runs").as_uri() + "/"
            change = f"replace({column}, 'runs/mlflow/', '{absolute}mlflow/')"
            db.execute(f"UPDATE {table} SET {column} = {change}")
    moved = tmp_path.with_name(f"{tmp_path.name} moved")
    tmp_path.rename(moved)
    monkeypatch.chdir(moved)
    there = RunFolder(Path("runs/mine"))
    EventLog(there, "evaluate").metrics({"late": 1.0}, step=9)
    assert upload(there) == 1
    assert places() == relative
    assert not tmp_path.exists()
    client = MlflowClient(tracking_uri())
    child = children(client)["mine/evaluate"]
    assert [f.path for f in client.list_artifacts(child.info.run_id, "tables")] == [
        "tables/evaluate.csv"
    ]
    assert len(client.search_runs([child.info.experiment_id])) == 3


def test_what_was_deleted_in_mlflow_is_made_anew_or_named(run, monkeypatch):
    from mlflow.tracking import MlflowClient

    from pipeline.run.errors import UserError
    from pipeline.tracking.client import EXPERIMENT, tracking_uri
    from pipeline.tracking.upload import upload

    two_stages(run)
    upload(run)
    client = MlflowClient(tracking_uri())
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    client.delete_experiment(experiment)
    EventLog(run, "evaluate").metrics({"late": 1.0}, step=9)
    with pytest.raises(UserError, match=f"experiments restore --experiment-id {experiment}"):
        upload(run)
    client.restore_experiment(experiment)
    assert upload(run) == 1
    assert len(client.search_runs([experiment])) == 3
    client.delete_run(children(client)["mine"].info.run_id)
    EventLog(run, "evaluate").metrics({"late": 1.0}, step=10)
    assert upload(run) == 1
    assert len(client.search_runs([experiment])) == 3
    client.delete_experiment(experiment)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "another")
    EventLog(run, "evaluate").metrics({"late": 1.0}, step=11)
    upload(run)
    other = client.get_experiment_by_name("another").experiment_id
    assert len(client.search_runs([other])) == 3


def test_a_name_that_mlflow_refuses_holds_nothing_up(run):
    from mlflow.tracking import MlflowClient

    from pipeline.tracking.client import tracking_uri
    from pipeline.tracking.upload import upload

    events = EventLog(run, "robustness")
    events.start(settings={}, commit="abc", dirty=False)
    events.metrics({"robustness/noise of 2%/patch_auc": 0.5, "turned by +5/x": 1.0, "after": 2.0})
    assert upload(run) == 2
    metrics = children(MlflowClient(tracking_uri()))["mine/robustness"].data.metrics
    assert metrics == {
        "robustness/noise of 2_/patch_auc": 0.5,
        "turned by _5/x": 1.0,
        "after": 2.0,
    }


def with_pictures(run: RunFolder) -> None:
    events = EventLog(run, "train").under("member1/")
    events.start(settings={}, commit="abc", dirty=False)
    for step in (5, 10):
        picture = run.root / f"{step}.webp"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(b"picture")
        events.image(picture, key="a (left)", step=step)


def pictures_of(store: Store) -> list[tuple]:
    return [(run, name) for run, name, folder in store.artifacts if folder == "images"]


def test_pictures_by_step_are_named_as_the_grid_of_mlflow_reads_them(run):
    with_pictures(run)
    store = Store()
    sent(run, store)
    whole, small, *_ = (name for _, name in pictures_of(store))
    key, named_step, step, named_time, time, of_key = whole.removesuffix(".webp").split("+")
    assert (key, named_step, step, named_time) == ("member1~a _left_", "step", "5", "timestamp")
    assert time.isdigit() and small == whole.removesuffix(".webp") + "+compressed.webp"
    assert of_key.isalnum() and len(pictures_of(store)) == 4
    [shown] = [r for r in store.runs.values() if r.info.run_name == "mine/maps by epoch"]
    assert shown.tags["mlflow.loggedImages"] == "True"
    assert shown.data.params == {}  # MLflow writes them over the pictures
    assert shown.info.status == "KILLED"  # as the training is, which no process goes on with


def test_a_picture_whose_sending_was_not_answered_is_there_once(run):
    with_pictures(run)
    store = Store()
    content = sent(run, store)
    for call in range(store.calls):
        for unanswered in (True, False):
            run.tracking_state.unlink()
            again = Store()
            again.fails_at, again.unanswered = call, unanswered
            with pytest.raises(Outage):
                sent(run, again)
            # A training that was killed draws the picture of a step again.
            assert sent(run, again) == content
    EventLog(run, "train").under("member1/").image(run.root / "10.webp", key="a (left)", step=10)
    assert sent(run, store)["artifacts"] == content["artifacts"]
