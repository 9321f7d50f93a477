"""The tables that preprocess writes."""

import numpy as np
import pandas as pd
import pytest

from pipeline.preprocess.tables import (
    MAMMOGRAM_COLUMNS,
    read_mammograms,
    read_positions,
    write_mammograms,
    write_positions,
)
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

FILLERS = {str: "", "int64": 7, "float64": 0.1, bool: False}


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(tmp_path)


def mammograms() -> pd.DataFrame:
    filler = {name: FILLERS[kind] for name, kind in MAMMOGRAM_COLUMNS.items()}
    rows = [
        filler | {"image_id": "0010", "patient_id": "002", "row_scale": 251 / 100, "flipped": True},
        filler | {"image_id": "0009", "patient_id": "NA", "density": "A", "scanner": 'a, "b"'},
    ]
    return pd.DataFrame(rows)


def positions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": ["b", "a", "a"],
            "patient_id": ["q", "p", "p"],
            "split": ["test", "train", "train"],
            "row_index": [0, 1, 0],
            "col_index": [2, 1, 3],
            "row": [-0.5, 63.5, -0.5],
            "col": [127.5, 63.5, 191.5],
            "row_standard": [-0.5, 31.5, -0.5],
            "col_standard": [63.5, 31.5, 95.5],
            "label": [0, 1, -1],
            "finding_id": ["", "f", ""],
        }
    )


def test_mammograms_come_back_in_the_order_of_ids_with_text_as_text(run):
    write_mammograms(run, mammograms())
    table = read_mammograms(run)
    assert table["image_id"].tolist() == ["0009", "0010"]
    assert table["patient_id"].tolist() == ["NA", "002"]
    assert table["scanner"].tolist() == ['a, "b"', ""]
    assert table["flipped"].tolist() == [False, True]
    assert table["row_scale"].tolist() == [0.1, 251 / 100]
    assert list(table.columns) == list(MAMMOGRAM_COLUMNS)


def test_floats_of_mammograms_keep_every_digit(run):
    table = pd.concat([mammograms()] * 50, ignore_index=True)
    table["image_id"] = [f"{i:03d}" for i in range(100)]
    table["col_scale"] = np.random.default_rng(0).uniform(1e-3, 1e3, 100)
    write_mammograms(run, table)
    assert (read_mammograms(run)["col_scale"] == table["col_scale"]).all()


def test_a_missing_and_an_unknown_column_are_named(run):
    with pytest.raises(ValueError, match="missing or unknown: flip, flipped"):
        write_mammograms(run, mammograms().rename(columns={"flipped": "flip"}))


def test_positions_come_back_ordered_and_with_their_types(run):
    write_positions(run, positions())
    table = read_positions(run)
    assert table[["image_id", "row_index"]].to_numpy().tolist() == [["a", 0], ["a", 1], ["b", 0]]
    assert table["finding_id"].tolist() == ["", "f", ""]
    assert (table["label"].dtype, table["row"].dtype) == (np.int8, np.float64)
    assert table["row_standard"].dtype == np.float32


def test_positions_whose_rows_were_standard_pixels_are_not_taken_for_original_ones(run):
    earlier = positions().drop(columns=["row", "col"])
    earlier = earlier.rename(columns={"row_standard": "row", "col_standard": "col"})
    earlier.to_parquet(run.positions)
    told = r"lacks the columns row_standard, col_standard: an earlier .*make preprocess FORCE=1"
    with pytest.raises(UserError, match=rf"{told} writes it anew\.$"):
        read_positions(run)
    run.model.mkdir()
    run.model_file.write_text("{}")
    with pytest.raises(UserError, match=rf"{told}.* keep its trained network.* MODEL={run.root}"):
        read_positions(run)


def test_the_same_content_in_another_order_is_the_same_bytes(tmp_path):
    one, two = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    for run, step in ((one, 1), (two, -1)):
        write_mammograms(run, mammograms().iloc[::step])
        write_positions(run, positions().iloc[::step])
    assert one.mammograms.read_bytes() == two.mammograms.read_bytes()
    assert one.positions.read_bytes() == two.positions.read_bytes()


@pytest.mark.parametrize("read", [read_mammograms, read_positions])
def test_a_missing_table_says_which_command_writes_it(run, read):
    with pytest.raises(UserError, match=r"is missing\. make preprocess writes it"):
        read(run)
