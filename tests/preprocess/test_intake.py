"""The intake: every file has an end, and too many lost ones stop the run."""

import pandas as pd
import pytest

from pipeline.preprocess.intake import check_intake, common_reasons, intake_counts, intake_table
from pipeline.preprocess.worker import Outcome
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

FILES = pd.DataFrame(
    [
        ("a.dcm", "candidate", "no Patient ID", 10),
        ("b.dcm", "candidate", "", 20),
        ("list.csv", "skipped", "a table or text", 30),
        ("torn.dcm", "failed", "cannot be read", 0),
    ],
    columns=["file", "status", "reason", "bytes"],
)
IMAGES = pd.DataFrame(
    [("a", "w1", "a.dcm"), ("b", "w2", "b.dcm")], columns=["image_id", "patient_id", "source"]
)


def table(b=Outcome("skipped", "3 frames")):  # noqa: B008 - frozen
    used = Outcome("used", info={"notes": ["a doubt"]})
    return intake_table(FILES, IMAGES, {"a": used, "b": b})


def test_every_file_has_one_row_with_its_end():
    rows = table()[["file", "status", "reason", "image_id"]].to_numpy().tolist()
    assert rows == [
        ["a.dcm", "used", "", "a"],
        ["b.dcm", "skipped", "3 frames", "b"],
        ["list.csv", "skipped", "a table or text", ""],
        ["torn.dcm", "failed", "cannot be read", ""],
    ]


def test_the_counts_add_up_to_the_files():
    counts = intake_counts(table())
    assert counts == {"used": 1, "skipped": 2, "failed": 1}
    assert sum(counts.values()) == len(FILES)


def test_notes_of_ingest_and_of_the_reader_stand_beside_a_used_file():
    assert table()["notes"].tolist()[0] == "no Patient ID; a doubt"


def test_common_reasons_are_counted_and_ordered():
    many = pd.concat([table()] * 2 + [table().iloc[1:2]])
    assert common_reasons(many, most=1) == "3 x 3 frames; 4 for other reasons"


def test_too_many_failures_stop_the_run_and_name_the_commonest(tmp_path):
    run = RunFolder(tmp_path)
    check_intake(run, table(), max_lost_share=0.5)
    with pytest.raises(UserError, match=r"1 of 2 mammograms failed.*1 x cannot be read"):
        check_intake(run, table(), max_lost_share=0.4)


def test_no_usable_file_stops_the_run_whatever_the_share(tmp_path):
    intake = table().iloc[1:]
    with pytest.raises(UserError, match="No file of the data set is usable: 1 x 3 frames"):
        check_intake(RunFolder(tmp_path), intake, max_lost_share=1.0)
