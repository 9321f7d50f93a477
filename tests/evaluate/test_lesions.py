"""The table of lesions."""

import pandas as pd
import pytest

from pipeline.evaluate.lesions import LESION_COLUMNS, write_lesions
from pipeline.evaluate.load import load_judged
from tests.evaluate.fabricated_run import Woman, fabricate, write_candidates


def test_each_lesion_has_the_rank_and_the_score_of_its_best_candidate(tmp_path):
    people = [Woman(name, "test", "counts") for name in ("found", "lost")]
    run = fabricate(tmp_path, [*people, Woman("cyst", "test", "left out")])
    circle = load_judged(run).outlines["found"][0].circle
    places = [(circle.row, circle.col, 2.0), (circle.row, circle.col + 5, 1.0), (400, 30, 3.0)]
    write_candidates(run, [("found", *place) for place in places])
    judged = load_judged(run)
    write_lesions(judged, run.lesions)
    table = pd.read_csv(run.lesions)
    assert list(table.columns) == LESION_COLUMNS
    assert table["finding_id"].tolist() == ["f-found", "f-lost"]
    first = table.iloc[0]
    assert (first["row"], first["col"], first["kind"]) == (circle.row, circle.col, "mass")
    assert first["rank"] == 2
    assert first["score"] == pytest.approx(judged.candidates["score"].iloc[0])
    assert table.loc[1, ["rank", "score"]].isna().all()


def test_without_a_known_truth_the_table_is_empty(tmp_path):
    run = fabricate(tmp_path, [Woman("unread", "test", outcome="unknown")])
    write_lesions(load_judged(run), run.lesions)
    assert run.lesions.read_text() == ",".join(LESION_COLUMNS) + "\n"
