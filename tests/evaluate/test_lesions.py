"""The table of lesions, and the worst errors: what they are and where."""

import pandas as pd
import pytest

from pipeline.evaluate.lesions import LESION_COLUMNS, worst_errors, write_lesions
from pipeline.evaluate.load import load_judged
from tests.evaluate.fabricated_run import Woman, fabricate, women, write_candidates


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


def test_an_oracle_misses_nothing_and_raises_no_false_alarm(tmp_path):
    judged = load_judged(fabricate(tmp_path, women(), oracle=True))
    assert worst_errors(judged) == {"misses": [], "false_alarms": []}


def test_a_lesion_without_a_candidate_is_the_worst_miss_and_is_shown_where_it_is(tmp_path):
    run = fabricate(tmp_path, women())
    table = pd.read_csv(run.candidates)[["image_id", "row", "col", "logit"]]
    kept = table[table["image_id"] != "test-counts-3"].itertuples(index=False)
    # All others are found, and two false alarms are worse than the rest.
    alarms = [("test-normal-0", 40.0, 50.0, 9.0), ("test-normal-1", 80.0, 90.0, 8.0)]
    write_candidates(run, [*kept, *alarms])
    judged = load_judged(run)
    errors = worst_errors(judged)
    first = errors["misses"][0]
    circle = judged.outlines["test-counts-3"][0].circle
    assert (first["image_id"], first["probability"]) == ("test-counts-3", None)
    assert first["row"] == pytest.approx(circle.row, abs=0.1)
    assert first["col"] == pytest.approx(circle.col, abs=0.1)
    alarms = errors["false_alarms"]
    assert [(a["image_id"], a["row"], a["col"]) for a in alarms[:2]] == [
        ("test-normal-0", 40.0, 50.0),
        ("test-normal-1", 80.0, 90.0),
    ]
    scores = [a["probability"] for a in alarms]
    assert scores == sorted(scores, reverse=True)


def test_candidates_that_tie_are_shown_each_at_its_own_place(tmp_path):
    run = fabricate(tmp_path, [Woman("lesion", "test", "counts"), Woman("healthy", "test")])
    circle = load_judged(run).outlines["lesion"][0].circle
    points = [
        ("lesion", circle.row, circle.col, 2.0),  # a hit with the score of the alarms
        ("lesion", 400.0, 30.0, 2.0),
        ("healthy", 40.0, 50.0, 2.0),
        ("healthy", 80.0, 90.0, 2.0),
    ]
    write_candidates(run, points)
    alarms = worst_errors(load_judged(run))["false_alarms"]
    places = [(name, row, col) for name, row, col, _ in points]
    assert sorted((a["image_id"], a["row"], a["col"]) for a in alarms) == sorted(places[1:])
