"""Masks: what a file of one may be, and all of a catalog, read once and in workers."""

import json
import os

import cv2
import imagecodecs
import numpy as np
import pandas as pd
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLosslessSV1, RLELossless

from pipeline.annotations.masks import NoOutline, mask_polygons, outline_masks, read_mask
from pipeline.config import DicomSettings, Settings, StoreSettings
from tests.dicom_samples import write_mammogram

MASK = np.zeros((40, 30), np.uint8)
MASK[10:20, 5:15] = 255
SQUARE = [[[10.0, 5.0], [19.0, 5.0], [19.0, 14.0], [10.0, 14.0]]]


def compressed(path, frame: bytes, syntax, pixels=MASK):
    return write_mammogram(path, pixels, syntax=syntax, PixelData=encapsulate([frame]))


def test_a_mask_may_be_a_picture(tmp_path):
    path = tmp_path / "mask.png"
    cv2.imwrite(str(path), MASK)
    assert mask_polygons(path, height=40, width=30) == (SQUARE, [])


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_mask_may_have_grey_levels_at_its_edge(tmp_path, suffix):
    mask = cv2.circle(np.zeros((200, 150), np.uint8), (70, 90), 40, 255, -1)
    small = cv2.resize(mask, (75, 100), interpolation=cv2.INTER_AREA)
    path = tmp_path / f"mask{suffix}"
    cv2.imwrite(str(path), small)
    (polygon,), notes = mask_polygons(path, height=200, width=150)
    assert notes == ["its mask has grey levels at the edge: half and more counts as inside"]
    assert cv2.contourArea(np.float32(polygon)) == pytest.approx(np.pi * 40**2, rel=0.05)


def test_a_mask_of_several_findings_or_shades_is_none(tmp_path):
    numbered = MASK // 255
    numbered[25:35, 5:15] = 2
    shaded = np.tile(np.arange(30, dtype=np.uint8), (40, 1))
    marked = MASK.copy()
    marked[25:35, 5:15] = 1
    for picture in (numbered, shaded, marked):
        cv2.imwrite(str(tmp_path / "mask.png"), picture)
        with pytest.raises(NoOutline, match="must have two values, not grey levels"):
            mask_polygons(tmp_path / "mask.png", height=40, width=30)


def test_a_mask_may_be_a_dicom_file(tmp_path):
    path = write_mammogram(tmp_path / "mask.dcm", MASK)
    assert mask_polygons(path, height=40, width=30) == (SQUARE, [])


def test_a_mask_may_be_compressed_as_mammograms_are(tmp_path):
    frame = imagecodecs.ljpeg_encode(MASK)
    path = compressed(tmp_path / "mask.dcm", frame, JPEGLosslessSV1)
    np.testing.assert_array_equal(read_mask(path), MASK)


def test_a_mask_may_have_one_bit_per_pixel(tmp_path):
    bits = np.packbits(MASK.ravel() > 0, bitorder="little").tobytes()
    values = {"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0, "PixelData": bits}
    path = write_mammogram(tmp_path / "mask.dcm", MASK, **values)
    assert mask_polygons(path, height=40, width=30) == (SQUARE, [])


def test_a_mask_may_lack_the_preamble(tmp_path):
    path = write_mammogram(tmp_path / "mask.dcm", MASK)
    path.write_bytes(path.read_bytes()[132:])
    np.testing.assert_array_equal(read_mask(path), MASK)


@pytest.mark.parametrize(
    "values",
    [{"Rows": 60000, "Columns": 60000}, {"NumberOfFrames": 10**6}],
    ids=["rows and columns", "frames"],
)
def test_a_mask_that_announces_too_much_is_not_decoded(tmp_path, values):
    path = write_mammogram(tmp_path / "mask.dcm", MASK, **values)
    with pytest.raises(NoOutline, match="more than 150,000,000 pixels"):
        read_mask(path)


def test_a_damaged_mask_says_so(tmp_path):
    path = compressed(tmp_path / "mask.dcm", b"\2\0\0\0" + bytes(80), RLELossless)
    with pytest.raises(NoOutline, match="cannot be decoded"):
        read_mask(path)


def test_a_missing_mask_says_so(tmp_path):
    with pytest.raises(NoOutline, match="cannot be read: No such file"):
        read_mask(tmp_path / "mask.png")


SIZE = (100, 80)


def settings(root, **limits):
    dicom = DicomSettings(**{"workers": 0, **limits})
    return Settings(store=StoreSettings(root=root / "store"), dicom=dicom)


def findings(*files):
    rows = [
        (f.stem, f"image-{i}", "mask", json.dumps({"file": str(f)})) for i, f in enumerate(files)
    ]
    rows.append(("x", "image-0", "none", "{}"))
    return pd.DataFrame(rows, columns=["finding_id", "image_id", "geometry", "coordinates"])


def write_mask(path, value=255):
    mask = np.zeros(SIZE, np.uint8)
    mask[10:21, 30:41] = value
    assert cv2.imwrite(str(path), mask)
    return path


def outlined(root, *files, **limits):
    sizes = {f"image-{i}": SIZE for i in range(len(files))}
    return outline_masks(findings(*files), sizes, settings(root, **limits))


def test_the_polygons_are_those_of_the_file(tmp_path):
    file = write_mask(tmp_path / "a.png")
    found = outlined(tmp_path, file)
    assert found["a"].polygons == mask_polygons(file, height=100, width=80)[0]


def test_masks_are_read_once_for_all_runs_and_kept_apart(tmp_path):
    files = write_mask(tmp_path / "a.png"), tmp_path / "b.png"
    assert cv2.imwrite(str(files[1]), np.eye(*SIZE, dtype=np.uint8) * 255)
    first = outlined(tmp_path, *files)
    assert first["a"].polygons != first["b"].polygons
    kept = sorted((tmp_path / "store" / "masks").rglob("*.json"))
    for file in kept:
        file.write_text(f'{{"polygons": [[[{kept.index(file)}.0, 0.0]]], "notes": []}}')
    again = outlined(tmp_path, *files)
    assert sorted(again[name].polygons[0][0] for name in "ab") == [[0, 0], [1, 0]]


@pytest.mark.parametrize("damage", ["", "[[[0.0", "[]", "{}", '{"polygons": [], "notes": 1}'])
def test_a_damaged_outline_is_made_anew(tmp_path, damage):
    file = write_mask(tmp_path / "a.png")
    first = outlined(tmp_path, file)
    (kept,) = (tmp_path / "store" / "masks").rglob("*.json")
    kept.write_text(damage)
    assert outlined(tmp_path, file, workers=0) == first
    assert json.loads(kept.read_text())["polygons"] == first["a"].polygons


def test_a_changed_mask_is_read_again(tmp_path):
    file = write_mask(tmp_path / "a.png")
    before = outlined(tmp_path, file)
    assert cv2.imwrite(str(file), np.eye(*SIZE, dtype=np.uint8) * 255)
    assert outlined(tmp_path, file) != before


def test_an_unusable_mask_has_a_reason_and_harms_no_other(tmp_path):
    good, empty = write_mask(tmp_path / "a.png"), write_mask(tmp_path / "b.png", value=0)
    found = outlined(tmp_path, good, empty, tmp_path / "none.png")
    assert found["a"].polygons == mask_polygons(good, height=100, width=80)[0]
    assert "outlines nothing" in found["b"].problem
    assert "cannot be read" in found["none"].problem


def test_a_mask_that_takes_too_long_for_its_worker_has_no_outline(tmp_path):
    limits = {"workers": 1, "decode_seconds": 1}
    file = tmp_path / "a.png"
    os.mkfifo(file)  # which is never written to
    problem = outlined(tmp_path, file, **limits)["a"].problem
    assert "a.png: the worker took longer than 1 s" in problem


def test_without_masks_nothing_is_opened(tmp_path):
    assert outlined(tmp_path) == {}
    assert not (tmp_path / "store").exists()
