"""The search for canaries finds them wherever files can hold them."""

import base64
import gzip
import hashlib
import sqlite3
import zipfile

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.fault_injection.canaries import found, plant, root_name

NAME = root_name()


def in_zip(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", f"text {NAME} text")


def in_database(path):
    with sqlite3.connect(path) as database:
        database.execute("create table t (x)")
        database.execute("insert into t values (?)", (f"text {NAME}",))
    database.close()


def in_picture(path):
    letters = np.frombuffer(NAME.encode(), np.uint8)
    path.write_bytes(cv2.imencode(".png", np.tile(letters, (4, 1)))[1].tobytes())


WAYS = {
    "text": lambda path: path.write_text(f"text {NAME.lower()} text"),
    "two bytes a letter": lambda path: path.write_bytes(NAME.encode("utf-16")),
    "name of a file": lambda path: path.with_name(f"{NAME}.txt").write_text(""),
    "link": lambda path: path.symlink_to(f"nowhere/{NAME}"),
    "gzip": lambda path: path.write_bytes(gzip.compress(NAME.encode())),
    "zip": in_zip,
    "parquet": lambda path: pd.DataFrame({"a": [NAME]}).to_parquet(path),
    "database": in_database,
    "picture": in_picture,
    "base64": lambda path: path.write_bytes(base64.b64encode(b"." * 60 + NAME.encode())),
    "hash without a key": lambda path: path.write_text(hashlib.sha256(NAME.encode()).hexdigest()),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_canary_is_found(tmp_path, way):
    WAYS[way](tmp_path / "file")
    assert found([tmp_path], [NAME])
    assert found([tmp_path], ["ZQ7ABCDEFGHI"]) == []


# pydicom, of the canary that stands for a character set.
@pytest.mark.filterwarnings("ignore:Unknown encoding 'ZQ7:UserWarning")
def test_all_that_is_planted_is_there_to_be_found(tmp_path):
    canaries = plant(tmp_path / NAME)
    assert len(set(canaries)) == len(canaries) > 1000
    places = found([tmp_path / NAME], canaries)
    assert {place.rsplit(": ", 1)[1] for place in places} == set(canaries)
