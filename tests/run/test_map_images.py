"""The pool: results in order, limits, and workers that die."""

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.run.errors import UserError
from pipeline.run.map_images import Lost, Made, map_images
from tests.fault_injection.misbehaving import misbehave
from tests.own_maps import IS_GLIBC, maps_of_a_large_array
from tests.run.pool_functions import (
    DiesOnArrival,
    SlowToArrive,
    length_of_name,
    loaded_modules,
    square_slowly,
    start_a_worker,
)


def test_results_come_in_the_order_of_the_items():
    assert list(map_images(square_slowly, [0, 1, 2, 3, 4], workers=2)) == [0, 1, 4, 9, 16]


def test_items_are_made_when_a_worker_is_free_for_them():
    made = []
    results = map_images(square_slowly, Made(lambda i: made.append(i) or i, 50), workers=1)
    assert [next(results), next(results)] == [0, 1]
    assert made == [0, 1, 2]
    results.close()


def test_without_workers_this_process_does_the_work():
    (names,) = map_images(loaded_modules, [0], workers=0)
    assert "pytest" in names


@pytest.mark.skipif(not IS_GLIBC, reason="only glibc is told")
def test_a_worker_keeps_what_a_large_array_held_and_this_process_is_as_it_was():
    before = dict(os.environ)
    assert list(map_images(maps_of_a_large_array, [0], workers=1)) == [0]
    assert dict(os.environ) == before


def test_no_items_need_no_worker():
    assert list(map_images(square_slowly, [], workers=2)) == []


def test_a_killed_worker_costs_its_own_item_only_and_so_does_one_that_crashes():
    kinds = ["fine", "killed", "also fine", "crashes", "fine again"]
    results = list(map_images(misbehave, kinds, workers=1))
    assert results[::2] == ["fine", "also fine", "fine again"]
    assert isinstance(results[1], Lost) and isinstance(results[3], Lost)
    assert "killed" in results[1].reason and "exit code -11" in results[3].reason


def test_an_item_out_of_time_is_lost_and_a_greedy_one_gets_no_memory():
    results = list(map_images(misbehave, ["stuck", "greedy", "x"], workers=2, seconds=4, mib=1024))
    assert results == [
        Lost("the worker took longer than 4 s (dicom.decode_seconds)"),
        "no memory",
        "x",
    ]


def test_the_time_limit_of_an_item_is_none_for_what_is_imported_for_it():
    slow = SlowToArrive(4)
    assert list(map_images(length_of_name, [slow], workers=1, seconds=3)) == [len("SlowToArrive")]
    assert list(map_images(slow, ["x", "y"], workers=1, seconds=3)) == ["x", "y"]


def test_a_worker_that_cannot_start_is_named_with_what_to_do():
    with pytest.raises(UserError, match=r"could not start: it died with exit code 7.*workers=1"):
        list(map_images(DiesOnArrival(0), ["x"], workers=1))


def test_workers_do_not_import_tensorflow_nor_mlflow():
    (names,) = map_images(loaded_modules, [0], workers=1)
    assert "cv2" in names
    assert not {"tensorflow", "keras", "mlflow"} & set(names)


def test_on_one_machine_nothing_of_clusters_and_object_stores_is_loaded(monkeypatch):
    monkeypatch.delenv("SCHEDULER", raising=False)
    (names,) = map_images(loaded_modules, [0], workers=1, places=[Path("pipeline")])
    code = "import sys, pipeline.preprocess.stage; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pipeline.run.map_images" in done.stdout.split()
    assert not {"dask", "distributed", "fsspec", "tornado"} & {*names, *done.stdout.split()}


def test_a_cluster_without_dask_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.setenv("SCHEDULER", "tcp://nobody:1")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"needs Dask.*make setup-scale"):
        list(map_images(square_slowly, [1], places=[Path("pipeline")]))


def test_workers_end_with_the_process_that_started_them_be_it_killed(tmp_path):
    place = tmp_path / "worker"
    parent = multiprocessing.get_context("spawn").Process(target=start_a_worker, args=(place,))
    parent.start()
    while not place.is_file():
        assert parent.is_alive()
        time.sleep(0.02)
    parent.kill()
    parent.join()
    until = time.monotonic() + 60
    while is_alive(place.read_text()):
        assert time.monotonic() < until, "the worker goes on"
        time.sleep(0.02)


def is_alive(process: str) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
