"""The rows of the intake: every file has an end, and too many lost ones stop the run."""

import pandas as pd
import pytest

from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.preprocess.intake.intake_csv import (
    INTAKE_COLUMNS,
    common_reasons,
    intake_counts,
    intake_table,
    lost_share,
)
from pipeline.preprocess.intake.stage import intake_problem
from pipeline.preprocess.store.fill import Outcome
from pipeline.run.layout import RunFolder

FILES = [
    {"file": "a.dcm", "status": "candidate", "reason": "no Patient ID", "bytes": 10},
    {"file": "b.dcm", "status": "candidate", "reason": "", "bytes": 20},
    {"file": "list.csv", "status": "skipped", "reason": "a table or text", "bytes": 30},
    {"file": "torn.dcm", "status": "failed", "reason": "cannot be read", "bytes": 0},
]
INFO = {
    "original_spacing_mm": 0.07,
    "spacing_source": "Imager Pixel Spacing",
    "laterality": "L",
    "laterality_source": "Image Laterality",
    "view": "CC",
    "view_source": "View Position",
    "window": "LINEAR 2048/4096",
    "polarity": "MONOCHROME1",
    "codec": "JPEG lossless",
    "scanner": "Maker Model",
    "implant": True,
    "modifiers": ["rolled", "tangential"],
    "magnification": None,
}


def catalog(**image) -> Catalog:
    same = {"dataset": "dicom", "patient_id": "w1"}
    images = [
        {"image_id": "a", "source": "a.dcm", "file": "/a.dcm", **same, **image},
        {"image_id": "b", "source": "b.dcm", "file": "/b.dcm", **same},
    ]
    return make_catalog(images, [], FILES)


def table(b=Outcome("skipped", "3 frames"), **image):  # noqa: B008 - frozen
    outcomes = {"a": Outcome("used", info=INFO), "b": b}
    return intake_table(
        catalog(**image), outcomes, split={"a": "train"}, notes={"a": ["a doubt", "another"]}
    )


def test_every_file_has_one_row_with_its_end():
    rows = table()[["file", "status", "reason", "image_id"]].to_numpy().tolist()
    assert rows == [
        ["a.dcm", "used", "", "a"],
        ["b.dcm", "skipped", "3 frames", "b"],
        ["list.csv", "skipped", "a table or text", ""],
        ["torn.dcm", "failed", "cannot be read", ""],
    ]


def test_the_columns_are_those_of_the_contract_in_order():
    assert tuple(table().columns) == INTAKE_COLUMNS


def test_the_counts_add_up_to_the_files():
    counts = intake_counts(table())
    assert counts == {"used": 1, "skipped": 2, "failed": 1}
    assert sum(counts.values()) == len(FILES)


def test_what_the_reader_decided_and_why_stands_in_the_row():
    row = table().iloc[0]
    assert (row["laterality"], row["laterality_source"]) == ("L", "Image Laterality")
    assert (row["view"], row["view_source"]) == ("CC", "View Position")
    assert (row["spacing_mm"], row["spacing_source"]) == (0.07, "Imager Pixel Spacing")
    assert (row["window"], row["polarity"]) == ("LINEAR 2048/4096", "MONOCHROME1")
    assert (row["codec"], row["scanner"], row["split"]) == ("JPEG lossless", "Maker Model", "train")
    assert (row["implant"], row["modifiers"], row["magnification"]) == (
        "yes",
        "rolled, tangential",
        "",
    )


def test_the_catalog_goes_before_the_file_and_is_named_as_the_source():
    row = table(laterality="R", scanner="DBA").iloc[0]
    assert (row["laterality"], row["laterality_source"]) == ("R", "catalog")
    assert row["scanner"] == "DBA"


def test_where_catalog_and_file_agree_the_source_is_the_element_of_the_file():
    assert table(laterality="L").iloc[0]["laterality_source"] == "Image Laterality"


def test_an_image_that_is_not_used_has_its_patient_and_nothing_that_needs_decoding():
    row = table().iloc[1]
    assert (row["patient_id"], row["dataset"]) == ("w1", "dicom")
    assert (row["split"], row["codec"], row["spacing_mm"]) == ("", "", "")


def test_notes_of_ingest_and_of_the_reader_stand_beside_a_used_file():
    assert table()["notes"].tolist()[0] == "no Patient ID; a doubt; another"


def test_common_reasons_are_counted_and_ordered():
    many = pd.concat([table()] * 2 + [table().iloc[1:2]])
    assert common_reasons(many, most=1) == "3 x 3 frames; 4 for other reasons"


@pytest.mark.parametrize(
    ("used", "skipped", "failed", "share"), [(3, 96, 1, 0.25), (0, 5, 0, 0.0), (0, 0, 2, 1.0)]
)
def test_lost_are_the_failed_among_used_and_failed(used, skipped, failed, share):
    assert lost_share({"used": used, "skipped": skipped, "failed": failed}) == share


def test_too_many_failures_stop_the_run_and_name_share_reasons_and_reports(tmp_path):
    run = RunFolder(tmp_path)
    assert intake_problem(run, table(), max_lost_share=0.5) == ""
    problem = intake_problem(run, table(), max_lost_share=0.4)
    assert problem.startswith(
        "1 of 2 mammograms failed (50.0%), more than dicom.max_lost_share=0.4"
    )
    assert "1 x cannot be read" in problem
    assert str(run.intake) in problem
    assert str(run.intake_page) in problem


def test_no_usable_file_stops_the_run_whatever_the_share(tmp_path):
    problem = intake_problem(RunFolder(tmp_path), table().iloc[1:], max_lost_share=1.0)
    assert problem.startswith("No file of the data set is usable: 1 x 3 frames")
