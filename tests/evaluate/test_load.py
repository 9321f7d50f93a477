"""What of the tables is judged."""

import pandas as pd
import pytest

from pipeline.evaluate.load import has_known_truth, load_judged
from pipeline.run.errors import UserError
from tests.evaluate.fabricated_run import Woman, fabricate

PEOPLE = [
    Woman("partly", "test", "counts", complete=False),
    Woman("screened", "test", complete=False),
    Woman("somewhere", "test", "unlocated"),
    Woman("whole", "test", "counts"),
    Woman("healthy", "test"),
]


def test_positives_count_wherever_they_are_outlined_negatives_where_the_truth_is_known(tmp_path):
    positions = load_judged(fabricate(tmp_path, PEOPLE)).positions
    seen = positions.groupby("image_id")["label"].unique().map(set).to_dict()
    assert seen == {"partly": {1}, "whole": {0, 1}, "healthy": {0}}


def test_a_judged_position_takes_few_bytes(tmp_path):
    positions = load_judged(fabricate(tmp_path, PEOPLE)).positions
    few = positions.head(0).memory_usage(deep=True, index=False).sum()  # ids, each kept once
    assert positions.memory_usage(deep=True, index=False).sum() - few <= 56 * len(positions)


def test_negatives_of_an_older_table_do_not_count_where_the_truth_is_not_known(tmp_path):
    run = fabricate(tmp_path, PEOPLE)
    text = run.mammograms.read_text().splitlines()
    column = text[0].split(",").index("unlocated")
    rows = [line.split(",") for line in text]
    for row in rows[1:]:
        row[column] = "True"
    run.mammograms.write_text("\n".join(",".join(row) for row in rows) + "\n")
    assert set(load_judged(run).positions["label"]) == {1}


@pytest.mark.parametrize("table", ["candidates", "regions"])
def test_tables_of_an_earlier_version_name_the_stage_to_redo(tmp_path, table):
    run = fabricate(tmp_path, PEOPLE)
    path = getattr(run, table)
    pd.read_csv(path).drop(columns=["view", "finding_id"]).to_csv(path, index=False)
    told = rf"{table}\.csv lacks the columns finding_id, view\. make heatmap FORCE=1"
    with pytest.raises(UserError, match=told):
        load_judged(run)


def test_predictions_whose_rows_were_standard_pixels_are_refused(tmp_path):
    run = fabricate(tmp_path, PEOPLE)
    earlier = {"row": "row_original", "col": "col_original"}
    earlier |= {"row_standard": "row", "col_standard": "col"}
    pd.read_parquet(run.predictions).rename(columns=earlier).to_parquet(run.predictions)
    told = r"predictions\.parquet lacks the columns row_standard, .*make heatmap FORCE=1"
    with pytest.raises(UserError, match=told):
        load_judged(run)


def test_patients_are_found_by_id_and_strangers_refused(tmp_path):
    judged = load_judged(fabricate(tmp_path, PEOPLE))
    last, first = judged.patients[4], judged.patients[0]
    assert judged.patient_index(pd.Series([last, first, last])).tolist() == [4, 0, 4]
    with pytest.raises(ValueError, match="patient 'stranger' is not among the 5"):
        judged.patient_index(pd.Series([last, "stranger"]))


def test_a_false_alarm_is_known_only_where_everything_is_outlined(tmp_path):
    images = load_judged(fabricate(tmp_path, PEOPLE)).images
    known = dict(zip(images["image_id"], has_known_truth(images).tolist(), strict=True))
    assert [name for name in known if known[name]] == ["healthy", "whole"]
