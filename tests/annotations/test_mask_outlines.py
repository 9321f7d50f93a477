"""Outlines of masks: read once, in workers, and kept by the content of the mask."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.annotations import mask_outlines
from pipeline.annotations.mask_outlines import outline_masks
from pipeline.annotations.masks import NoOutline, mask_polygons
from pipeline.config import DicomSettings, Settings, StoreSettings
from pipeline.run.map_images import Lost

SIZE = (100, 80)


def settings(root):
    return Settings(store=StoreSettings(root=root / "store"), dicom=DicomSettings(workers=1))


def findings(*files):
    rows = [(f"image-{i}", "mask", json.dumps({"file": str(f)})) for i, f in enumerate(files)]
    rows.append(("image-0", "none", "{}"))
    return pd.DataFrame(rows, columns=["image_id", "geometry", "coordinates"])


def write_mask(path, value=255):
    mask = np.zeros(SIZE, np.uint8)
    mask[10:21, 30:41] = value
    assert cv2.imwrite(str(path), mask)
    return path


def outlined(root, *files):
    sizes = {f"image-{i}": SIZE for i in range(len(files))}
    return outline_masks(findings(*files), sizes, settings(root))


def refuse(*tasks, **limits):
    raise AssertionError("nothing should be read")


@pytest.fixture
def in_this_process(monkeypatch):
    """The workers' task without workers, which would take seconds to start."""
    monkeypatch.setattr(
        mask_outlines, "map_images", lambda function, jobs, **limits: map(function, jobs)
    )


def test_the_polygons_are_those_of_the_file(tmp_path, in_this_process):
    file = write_mask(tmp_path / "a.png")
    found = outlined(tmp_path, file).polygons(file, height=100, width=80)
    assert found == mask_polygons(file, height=100, width=80)


def test_masks_are_read_once_for_all_runs_and_kept_apart(tmp_path, in_this_process, monkeypatch):
    files = write_mask(tmp_path / "a.png"), tmp_path / "b.png"
    assert cv2.imwrite(str(files[1]), np.eye(*SIZE, dtype=np.uint8) * 255)
    first = outlined(tmp_path, *files)
    monkeypatch.setattr(mask_outlines, "map_images", refuse)
    assert outlined(tmp_path, *files) == first


def test_a_changed_mask_is_read_again(tmp_path, in_this_process):
    file = write_mask(tmp_path / "a.png")
    before = outlined(tmp_path, file).polygons(file, height=100, width=80)
    assert cv2.imwrite(str(file), np.eye(*SIZE, dtype=np.uint8) * 255)
    assert outlined(tmp_path, file).polygons(file, height=100, width=80) != before


def test_an_unusable_mask_raises_where_it_is_wanted_and_harms_no_other(tmp_path, in_this_process):
    good, empty = write_mask(tmp_path / "a.png"), write_mask(tmp_path / "b.png", value=0)
    found = outlined(tmp_path, good, empty, tmp_path / "none.png")
    assert found.polygons(good, height=100, width=80)
    with pytest.raises(NoOutline, match="outlines nothing"):
        found.polygons(empty, height=100, width=80)
    with pytest.raises(NoOutline, match="cannot be read"):
        found.polygons(tmp_path / "none.png", height=100, width=80)


def test_a_mask_that_kills_its_worker_has_no_outline(tmp_path, monkeypatch):
    file = write_mask(tmp_path / "a.png")
    monkeypatch.setattr(mask_outlines, "map_images", lambda *tasks, **limits: [Lost("it died")])
    with pytest.raises(NoOutline, match=r"a\.png: it died"):
        outlined(tmp_path, file).polygons(file, height=100, width=80)


def test_without_masks_nothing_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(mask_outlines, "map_images", refuse)
    assert outlined(tmp_path).ends == {}
