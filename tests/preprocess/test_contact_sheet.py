"""The contact sheet."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.outlines import Circle, Outline
from pipeline.preprocess.contact_sheet import (
    choose_positions,
    cut_patch,
    sheet_title,
    write_contact_sheet,
)
from pipeline.preprocess.store.entries import write_entry

OUTLINE = Outline("f", "mass", "benign", True, Circle(60.0, 50.0, 10.0))


@pytest.fixture
def mammogram(tmp_path) -> dict:
    image = np.random.default_rng(0).integers(0, 65536, (120, 90)).astype(np.uint16)
    store = tmp_path / "aa" / "entry"
    write_entry(store, image=image, breast=np.ones((15, 12), bool), info={})
    return {
        "image_id": "a", "dataset": "phantom", "store": str(store), "height": 120, "width": 90,
        "original_height": 120, "original_width": 90, "row0": 0, "col0": 0, "row_scale": 1.0,
        "col_scale": 1.0, "flipped": False, "spacing_mm": 0.4, "image": image,
    }  # fmt: skip


def positions(folder: Path) -> Path:
    table = pd.DataFrame(
        {
            "image_id": ["a", "a", "a", "b"],
            "row_standard": [63.5, 31.5, -0.5, 31.5],
            "col_standard": [47.5, 47.5, -0.5, 31.5],
            "label": [1, -1, 0, 0],
        }
    )
    table.to_parquet(folder / "positions.parquet")
    return folder / "positions.parquet"


@pytest.mark.parametrize(("row", "col"), [(63.5, 47.5), (-0.5, -0.5), (119.5, 89.5), (127.5, 95.5)])
def test_a_patch_is_cut_from_the_image_padded_by_reflection(mammogram, row, col):
    padded = np.pad(mammogram["image"], 32, mode="reflect")
    top, left = int(row + 0.5) + 32 - 16, int(col + 0.5) + 32 - 16
    expected = padded[top : top + 32, left : left + 32]
    np.testing.assert_array_equal(cut_patch(mammogram, row, col, 32), expected)


def test_patches_come_from_different_images_as_far_as_there_are_enough():
    table = pd.DataFrame({"image_id": list("aaaaaabc"), "label": 0, "row_index": range(8)})
    for parts in ([table], [table[:6], table[6:7], table[7:]]):
        ((chosen, total),) = choose_positions(parts, labels=[0], count=4, seed=0)
        assert sorted(chosen["image_id"]) == ["a", "a", "b", "c"]
        assert chosen["row_index"].is_unique
        assert total == 8


def test_the_choice_depends_on_the_seed_only():
    table = pd.DataFrame({"image_id": ["a"] * 50, "label": 0, "row_index": range(50)})

    def chosen(seed: int) -> list[int]:
        ((rows, _),) = choose_positions([table], labels=[0], count=5, seed=seed)
        return rows["row_index"].tolist()

    assert chosen(1) == chosen(1) != chosen(2)


def test_the_sheet_is_a_picture_and_the_same_bytes_every_time(mammogram, tmp_path):
    mammogram.pop("image")
    table = pd.DataFrame([mammogram, mammogram | {"image_id": "b"}])
    for name in ("one.png", "two.png"):
        write_contact_sheet(
            tmp_path / name,
            mammograms=table,
            outlines={"a": [OUTLINE], "b": []},
            positions=positions(tmp_path),
            patch_mm=12.8,
            per_row=3,
        )
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    picture = cv2.imread(str(tmp_path / "one.png"))
    assert min(picture.shape[:2]) > 300
    assert picture.std() > 20


def test_a_sheet_without_any_positive_position_is_written_too(mammogram, tmp_path):
    mammogram.pop("image")
    table = tmp_path / "all-negative.parquet"
    pd.read_parquet(positions(tmp_path)).assign(label=0).to_parquet(table)
    write_contact_sheet(
        tmp_path / "sheet.png",
        mammograms=pd.DataFrame([mammogram, mammogram | {"image_id": "b"}]),
        outlines={"a": [], "b": []},
        positions=table,
        patch_mm=12.8,
    )
    assert (tmp_path / "sheet.png").is_file()


def test_synthetic_mammograms_are_called_synthetic():
    phantom, real = pd.DataFrame({"dataset": ["phantom"]}), pd.DataFrame({"dataset": ["mias"]})
    assert "SYNTHETIC" in sheet_title(phantom, patch_mm=12.8)
    assert "SYNTHETIC" not in sheet_title(real, patch_mm=12.8)
    assert "mias" in sheet_title(real, patch_mm=12.8)
