"""A Dask cluster behind `map_images`: the results of this machine, whatever happens to workers."""

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.run import cluster as on_cluster
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError
from pipeline.run.map_images import Lost, map_images
from pipeline.run.stage import run_stage
from tests.fault_injection.child import inside
from tests.fault_injection.dicom_files import plain_film
from tests.fault_injection.misbehaving import misbehave
from tests.fault_injection.same_results import differences
from tests.fault_injection.small_set import RUN, Base, set_up, write_films
from tests.run.pool_functions import square_slowly
from tests.scale.cluster import ROOT, cluster
from tests.scale.cluster_functions import Counted, kill_the_worker, refuse, wait_a_little

pytestmark = pytest.mark.scale
PLACES = [ROOT / "pipeline"]
GONE = r"is gone\. The same command goes on"


@pytest.fixture(scope="module")
def two():
    with cluster(2) as started:
        yield started


@pytest.fixture
def on_two(two, monkeypatch):
    monkeypatch.setenv("SCHEDULER", two.address)
    return two


def test_results_come_in_the_order_of_the_items(on_two):
    assert list(map_images(square_slowly, range(10), places=PLACES)) == [n**2 for n in range(10)]


def test_work_that_names_no_places_stays_on_this_machine(on_two):
    pids = set(map_images(wait_a_little, [0, 0, 0], workers=0))
    assert pids == {os.getpid()}


def test_what_files_do_to_workers_costs_those_files_and_is_named_as_here(on_two, monkeypatch):
    kinds = ["a", "killed", "stuck", "greedy", "crashes", "b", "c"]
    limits = {"seconds": 4, "mib": 1024, "places": PLACES}
    there = list(map_images(misbehave, kinds, **limits))
    monkeypatch.delenv("SCHEDULER")
    assert there == list(map_images(misbehave, kinds, workers=1, **limits))
    assert [kind for kind, end in zip(kinds, there, strict=True) if isinstance(end, Lost)] == [
        *("killed", "stuck", "crashes")
    ]


def test_a_worker_that_is_killed_costs_nothing(on_two):
    victim = on_two.worker_pids()[0]
    work = map_images(wait_a_little, [0.2] * 30, places=PLACES)
    next(work)
    os.kill(victim, signal.SIGKILL)
    rest = list(work)
    assert len(rest) == 29 and not any(isinstance(end, Lost) for end in rest)
    on_two.wait_for(2)


@pytest.fixture
def of_four_threads(monkeypatch):
    with cluster(0) as started:
        started.add_workers(1, "--nthreads", "4", "--memory-limit", "6000MiB")
        monkeypatch.setenv("SCHEDULER", started.address)
        yield


def test_an_item_that_kills_its_worker_each_time_is_the_only_one_lost(of_four_threads):
    assert list(map_images(misbehave, ["greedy"], places=PLACES)) == ["no memory"]  # 1500 MiB
    items = ["a", "b", "poison", "c", "d"]  # which has the others beside it each time
    ends = list(map_images(kill_the_worker, items, places=PLACES))
    assert [*ends[:2], *ends[3:]] == ["a", "b", "c", "d"]
    assert ends[2] == Lost("the workers of the cluster that had it died")


def test_without_a_process_of_its_own_work_has_its_function_once_in_each_worker(on_two):
    seen = list(map_images(Counted(), range(12), workers=0, places=PLACES))
    assert {pid for pid, _ in seen} <= set(on_two.worker_pids())
    assert {loads for _, loads in seen} == {1}


def test_an_item_that_raises_there_ends_the_work_with_the_reason_and_a_users_error_is_told(on_two):
    ends = map_images(refuse, ["late", "wrong", "y"], workers=0, places=PLACES)
    assert next(ends) == "late"  # which ends after the one that raises
    with pytest.raises(UserError, match="could not work: ValueError: wrong it is"):
        next(ends)
    with pytest.raises(UserError, match="mend it"):
        list(map_images(refuse, ["mendable"], workers=0, places=PLACES))


def test_workers_with_other_code_are_refused(on_two, monkeypatch):
    monkeypatch.setattr(on_cluster, "code_sha256", lambda module: "of another day")
    with pytest.raises(UserError, match="has other code"):
        list(map_images(misbehave, ["a"], places=PLACES))


def test_workers_without_a_folder_of_the_work_are_refused(on_two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gone = threading.Timer(0, shutil.rmtree, [tmp_path / "store"])
    monkeypatch.setattr(on_cluster, "_client", _after(gone, on_cluster._client))
    with pytest.raises(UserError, match="has no folder store"):
        list(map_images(misbehave, ["a"], places=[Path("store")]))


def _after(timer, function):
    def called(address):
        timer.start()
        timer.join()
        return function(address)

    return called


def test_a_scheduler_that_goes_is_told():
    with cluster(1) as started, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCHEDULER", started.address)
        work = map_images(wait_a_little, [0.2] * 50, places=PLACES)
        next(work)
        os.killpg(started.started[0].pid, signal.SIGKILL)
        with pytest.raises(UserError, match=GONE):
            list(work)


def test_a_scheduler_that_goes_while_a_result_is_fetched_is_told(monkeypatch):
    real = on_cluster._next
    with cluster(1) as started:
        monkeypatch.setenv("SCHEDULER", started.address)

        def gone_meanwhile(*given):
            future, scheduler = real(*given), started.started[0].pid
            os.killpg(scheduler, signal.SIGSTOP)  # it takes the request, and answers none
            threading.Timer(0.5, os.killpg, [scheduler, signal.SIGKILL]).start()
            return future

        monkeypatch.setattr(on_cluster, "_next", gone_meanwhile)
        with pytest.raises(UserError, match=GONE):
            list(map_images(wait_a_little, [0], places=PLACES))


def test_a_scheduler_that_goes_while_it_is_asked_for_its_workers_is_told(monkeypatch):
    from distributed import Client

    monkeypatch.setattr(on_cluster, "_SAID_EVERY_SECONDS", 0.1)
    real = Client.nthreads
    with cluster(1) as started:
        monkeypatch.setenv("SCHEDULER", started.address)

        def gone_meanwhile(client):
            os.killpg(started.started[0].pid, signal.SIGKILL)
            return real(client)

        monkeypatch.setattr(Client, "nthreads", gone_meanwhile)
        with pytest.raises(UserError, match=GONE):
            list(map_images(wait_a_little, [60], places=PLACES))


def preprocess_in(folder: Path) -> Path:
    """Ingest and preprocess of small films, with three files that cannot be read."""
    folder.mkdir()
    with inside(folder):
        films = write_films(Path("data/films"))
        (films / "cut.dcm").write_bytes(plain_film()[:-10])
        (films / "lies.dcm").write_bytes(plain_film(Rows=60000, Columns=60000))
        (films / "empty.dcm").write_bytes(b"")
        for path in films.iterdir():
            os.utime(path, (1e9, 1e9))
        set_up()
        for name in ("ingest", "preprocess"):
            run_stage(name, RUN.root)
    return folder


def test_preprocess_gives_the_same_bytes_with_1_2_and_8_workers(tmp_path, monkeypatch):
    here = preprocess_in(tmp_path / "here")
    ends = {row["file"]: row["status"] for _, row in read_text_table(here / RUN.intake).rows}
    assert {name for name, end in ends.items() if end == "failed"} == {
        *("cut.dcm", "lies.dcm", "empty.dcm")
    }
    with cluster(0) as started:
        monkeypatch.setenv("SCHEDULER", started.address)
        for more in (1, 1, 6):
            started.add_workers(more)
            count = len(started.worker_pids())
            there = preprocess_in(tmp_path / str(count))
            assert differences("preprocess", there, here) == [], count
        assert count == 8


def test_maps_are_the_same_bytes_with_1_2_and_8_workers_each_with_one_network(tmp_path):
    base = Base(tmp_path / "base")
    with cluster(0) as started:
        for more in (1, 1, 6):
            started.add_workers(more)
            count = len(started.worker_pids())
            there = tmp_path / str(count)
            there.mkdir()
            with inside(there):
                base.before("heatmap")
                heatmap_on(started.address)
            assert differences("heatmap", there, base.whole) == [], count
        assert count == 8


def heatmap_on(address):
    script = [sys.executable, str(ROOT / "scripts" / "stage.py"), "heatmap", "--run", RUN.root]
    subprocess.run(script, env={**os.environ, "SCHEDULER": address}, check=True)


def test_a_scheduler_without_workers_is_waited_for_with_a_word(monkeypatch):
    monkeypatch.setattr(on_cluster, "_SAID_EVERY_SECONDS", 0.5)
    said: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(on_cluster, "print", lambda text, **_: said.put(text), raising=False)
    with ThreadPoolExecutor(1) as beside, cluster(0) as started:
        monkeypatch.setenv("SCHEDULER", started.address)
        ends = beside.submit(lambda: list(map_images(misbehave, ["a"], places=PLACES)))
        assert "waiting for workers" in said.get(timeout=300)
        started.add_workers(1)
        assert ends.result() == ["a"]
