"""Paths on object stores beside those of this machine; tests/scale has a server."""

import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.object_path import ObjectPath, kept_copy, on_this_machine, place
from pipeline.run.settings import Remembered, build_settings, load_settings, remember

DEFAULT = Path("configs/default.yaml")


@pytest.mark.parametrize("text", ["data/films", "/s3/x", "s3", "a s3:/b", "", "s3x://bucket/b"])
def test_paths_of_this_machine_stay_what_they_are(text, tmp_path):
    assert type(place(text)) is type(Path()) and place(text) == Path(text)
    with on_this_machine(tmp_path / text) as same:
        assert same == tmp_path / text


@pytest.mark.parametrize("text", ["s3://bucket/a b/c.dcm", "gs://bucket/a b/c.dcm"])
def test_a_path_of_an_object_store_keeps_its_address(text):
    path = place(text)
    assert isinstance(path, ObjectPath) and str(path) == text
    assert place(Path(text)) == path  # pathlib makes one slash of two
    assert (path.name, path.suffix, str(path.parent)) == ("c.dcm", ".dcm", text[:15])
    assert str(path.parent / "c.dcm") == str(path.with_name("c.dcm")) == text
    assert isinstance(path.parent, ObjectPath) and isinstance(path.parents[1], ObjectPath)
    assert pickle.loads(pickle.dumps(path)) == path and path.resolve() == path
    assert path.relative_to(path.parent).as_posix() == "c.dcm"


def test_settings_hold_such_paths_and_say_their_address(tmp_path):
    given = {"data.root": "s3://bucket/films", "store.root": "gs://bucket/store"}
    settings, run = build_settings(DEFAULT, given), RunFolder(tmp_path)
    remember(run, settings, Remembered("configs/default.yaml", given))
    assert "root: s3://bucket/films\n" in run.stage_settings("ingest").read_text()
    loaded = load_settings(run)
    for each in (settings, loaded):
        assert isinstance(each.data.root, ObjectPath) and isinstance(each.store.root, ObjectPath)
        assert (str(each.data.root), str(each.store.root)) == tuple(given.values())


def test_threads_that_want_a_copy_of_one_file_at_once_get_it_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both = threading.Barrier(2, timeout=60)

    def download(_path, local):
        with local.open("w") as file:
            file.write("who")
            file.flush()
            both.wait()
            file.write("le")

    monkeypatch.setattr(ObjectPath, "download", download)
    with ThreadPoolExecutor(2) as threads:  # as those that cut crops
        copies = list(threads.map(kept_copy, [place("s3://bucket/store/a.b2nd")] * 2))
    assert [copy.read_text() for copy in copies] == ["whole"] * 2
    assert [path.name for path in copies[0].parent.iterdir()] == ["a.b2nd"]


def test_without_fsspec_such_a_path_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.implementations.arrow", None)
    with pytest.raises(UserError, match=r"s3://bucket needs fsspec.*make setup-scale"):
        place("s3://bucket/x").exists()
