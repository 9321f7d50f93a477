"""Data set and store in a bucket of an S3 server: the results of this machine's disks."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.preprocess.store.entries import entry_files, read_breast, read_image
from pipeline.run import object_path
from pipeline.run.errors import UserError
from pipeline.run.object_path import COPIES, place
from pipeline.run.stage import run_stage
from tests.fault_injection.child import inside
from tests.fault_injection.dicom_files import plain_film
from tests.fault_injection.small_set import RUN, set_up, write_films
from tests.scale.cluster import cluster
from tests.scale.s3 import make_bucket, s3_server

pytestmark = pytest.mark.scale
# What a run says of the data without saying where they are.
SAME = ("intake.csv", "positions.parquet", "outlines.json", "contact-sheet.png", "audit.json")
SET = "data.root=s3://films/set store.root=s3://films/store"


@pytest.fixture(scope="module")
def server():
    with s3_server() as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        object_path._file_system.cache_clear()
        yield
    object_path._file_system.cache_clear()


@pytest.fixture(scope="module")
def here(tmp_path_factory, server):
    """A folder with a finished preprocess of films on this disk, which are in a bucket too."""
    folder = tmp_path_factory.mktemp("here")
    with inside(folder):
        films = write_films(Path("data/films"))
        (films / "cut.dcm").write_bytes(plain_film()[:-10])
        (films / "folder with blanks").mkdir()
        (films / "w0-0.dcm").rename(films / "folder with blanks" / "w0-0.dcm")
        make_bucket("films")
        for path in films.rglob("*"):
            if path.is_file():
                name = path.relative_to(films)
                (place("s3://films/set") / name).write_with(lambda to, of=path: shutil.copy(of, to))
        set_up()
        preprocess()
    return folder


def preprocess():
    for name in ("ingest", "preprocess"):
        run_stage(name, RUN.root)


def mammograms(folder):
    return pd.read_csv(folder / RUN.mammograms, dtype={"image_id": str}).set_index("image_id")


def check_is_that_of(here, there):
    for name in SAME:
        assert (there / RUN.root / name).read_bytes() == (here / RUN.root / name).read_bytes(), name
    ours, theirs = mammograms(there), mammograms(here)
    where = ["file", "store"]
    pd.testing.assert_frame_equal(ours.drop(columns=where), theirs.drop(columns=where))
    assert list(ours["file"]) == [
        name.replace("data/films", "s3://films/set") for name in theirs["file"]
    ]
    for image_id, store in ours["store"].items():
        assert store.startswith("s3://films/store/")
        for part, local in zip(
            entry_files(store), entry_files(here / theirs["store"][image_id]), strict=True
        ):
            assert part.read_bytes() == local.read_bytes()


def test_data_and_store_in_a_bucket_give_the_bytes_of_this_disk(here, tmp_path, capsys):
    with inside(tmp_path):
        set_up(more=SET)
        preprocess()
        check_is_that_of(here, tmp_path)
        assert not Path("data/store").exists() and not Path("data/films").exists()
        written = dict(place("s3://films/store").files_below())
        capsys.readouterr()
        run_stage("ingest", RUN.root)
        assert "nothing changed" in capsys.readouterr().out
    other = tmp_path / "other"  # another machine: nothing is known there, the entries are
    other.mkdir()
    with inside(other):
        set_up(more=SET)
        preprocess()
        check_is_that_of(here, other)
    assert dict(place("s3://films/store").files_below()) == written


def test_a_cluster_reads_and_writes_the_bucket(here, tmp_path, monkeypatch):
    with cluster(2) as started, inside(tmp_path):
        monkeypatch.setenv("SCHEDULER", started.address)
        set_up(more=SET.replace("/store", "/other"))
        preprocess()
        for image_id, store in mammograms(Path())["store"].items():
            assert store.startswith("s3://films/other/")
            image = entry_files(here / mammograms(here)["store"][image_id])[0]
            assert entry_files(store)[0].read_bytes() == image.read_bytes()


def test_crops_and_masks_are_read_from_a_copy_that_is_checked(here, tmp_path):
    local = str(here / mammograms(here)["store"].iloc[0])
    bucket = place("s3://films/crops") / Path(local).name
    for part, suffix in zip(entry_files(local), (".b2nd", ".breast.png", ".json"), strict=True):
        place(f"{bucket}{suffix}").write_with(lambda to, of=part: shutil.copy(of, to))
    with inside(tmp_path):
        crop = slice(20, 90), slice(5, 60)
        np.testing.assert_array_equal(read_image(str(bucket), *crop), read_image(local, *crop))
        np.testing.assert_array_equal(read_breast(str(bucket)), read_breast(local))
        damaged = place("s3://films/crops/damaged")
        for part, suffix in zip(entry_files(local), (".b2nd", ".breast.png", ".json"), strict=True):
            content = bytearray(part.read_bytes())
            content[-1] ^= suffix == ".b2nd"
            place(f"{damaged}{suffix}").write_with(lambda to, of=bytes(content): to.write_bytes(of))
        with pytest.raises(UserError, match=r"damaged\.b2nd is not as it was written"):
            read_image(str(damaged))
        assert not (COPIES / "s3/films/crops/damaged.b2nd").exists()


def test_a_bucket_that_is_not_there_is_a_sentence(server, tmp_path, capsys):
    with inside(tmp_path):
        set_up(more="data.root=s3://nobody/films")
        with pytest.raises(SystemExit):
            run_stage("ingest", RUN.root)
    assert "data.root=s3://nobody/films is no folder and no file" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_a_sentence(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    object_path._file_system.cache_clear()
    with pytest.raises(UserError, match=r"s3://films/x cannot be reached: .*AWS_ACCESS_KEY_ID"):
        place("s3://films/x").stat()
    object_path._file_system.cache_clear()
    assert os.environ["AWS_ENDPOINT_URL"]
