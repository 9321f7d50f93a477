"""MLflow's own database is whole or absent, and begun anew where it is broken."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.tracking.client import DATABASE
from pipeline.tracking.database import prepare_database


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def tables(path: Path, *, version: bool = True) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE experiments (name TEXT)")
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        if version:
            database.execute("INSERT INTO alembic_version VALUES ('1')")
    database.close()


def experiments() -> int:
    database = sqlite3.connect(DATABASE)
    try:
        return database.execute("SELECT count(*) FROM experiments").fetchone()[0]
    finally:
        database.close()


def test_a_process_that_ends_between_the_tables_leaves_no_database():
    def killed(path):
        tables(path, version=False)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_database(killed)
    assert not DATABASE.exists()
    prepare_database(tables)
    assert experiments() == 0


def test_of_many_that_begin_at_once_one_makes_it_and_the_others_wait():
    made = []

    def slowly(path):
        made.append(path)
        tables(path)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: prepare_database(slowly), range(8)))
    assert len(made) == 1


def test_what_is_there_stays():
    prepare_database(tables)
    with sqlite3.connect(DATABASE) as database:
        database.execute("INSERT INTO experiments VALUES ('mine')")
    database.close()
    prepare_database(tables)
    assert experiments() == 1


@pytest.mark.parametrize("broken", ["half made", "no database", "damaged"])
def test_one_that_cannot_be_used_is_moved_aside_and_begun_anew(broken, capsys):
    DATABASE.parent.mkdir(parents=True)
    tables(DATABASE, version=broken != "half made")
    if broken == "no database":
        DATABASE.write_bytes(b"my notes " * 200)
    elif broken == "damaged":
        DATABASE.write_bytes(DATABASE.read_bytes()[:4096])
    content = DATABASE.read_bytes()
    prepare_database(tables)
    assert experiments() == 0
    assert DATABASE.with_name("mlflow.db.unusable-1").read_bytes() == content
    assert "moved to mlflow.db.unusable-1" in capsys.readouterr().err


def test_an_empty_file_is_none(capsys):
    DATABASE.parent.mkdir(parents=True)
    DATABASE.touch()
    prepare_database(tables)
    assert experiments() == 0
    assert not capsys.readouterr().err


def test_mlflow_fills_it_and_takes_results_also_in_a_folder_of_an_odd_name(tmp_path, monkeypatch):
    from mlflow.tracking import MlflowClient

    from pipeline.tracking.client import tracking_uri

    odd = tmp_path / "a?b 100%20c#d"
    odd.mkdir()
    monkeypatch.chdir(odd)
    prepare_database()
    assert sorted(p.name for p in DATABASE.parent.iterdir()) == ["lock", "mlflow.db"]
    assert MlflowClient(tracking_uri()).create_experiment("mine")
