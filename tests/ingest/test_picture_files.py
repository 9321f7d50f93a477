"""A picture costs no other: each is decoded in a process of its own."""

import os
import zlib
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from pipeline.config import DataSettings, DicomSettings, PhantomSettings
from pipeline.ingest.importers import Request
from pipeline.ingest.picture_files import Picture, picture_size, read_picture, wrap_pictures
from pipeline.ingest.source_files import list_files


def test_a_decoder_that_crashes_costs_its_picture_alone(tmp_path):
    cv2.imwrite(str(tmp_path / "good.png"), np.arange(48, dtype=np.uint16).reshape(6, 8))
    (file,) = list_files(tmp_path).files
    reads = {"bad": partial(os._exit, 7), "good": partial(read_picture, file.path)}
    known = {"patient_id": "w", "laterality": "L", "view": "CC", "spacing_mm": 0.1}
    pictures = [Picture(file, read, {"image_id": n, **known}) for n, read in reads.items()]
    request = Request(
        DataSettings(root=tmp_path),
        PhantomSettings(),
        (file,),
        tmp_path / "wrapped",
        limits=DicomSettings(workers=1),
    )
    bad, good = wrap_pictures(pictures, request)
    assert isinstance(good, Path) and good.is_file()
    assert "the worker died with exit code 7" in bad


def test_the_size_is_read_from_the_header_whatever_its_state(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((6, 8), np.uint16))
    whole = path.read_bytes()
    assert picture_size(path) == (6, 8)
    head = whole[12:16] + (10**6).to_bytes(4) * 2 + whole[24:29]  # more than is ever decoded
    path.write_bytes(whole[:12] + head + zlib.crc32(head).to_bytes(4) + whole[33:])
    assert picture_size(path) is None
    for damaged in (b"", b"no picture", whole[:20]):
        path.write_bytes(damaged)
        assert picture_size(path) is None
