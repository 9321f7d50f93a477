"""Which candidates hit which lesions, in the coordinates of the original image."""

import numpy as np
import pytest

from pipeline.evaluate.load import load_judged
from pipeline.evaluate.matching import box_iou, match_candidates, match_regions
from tests.evaluate.fabricated_run import Woman, fabricate, women, write_candidates


def with_candidates(tmp_path, people, points):
    """A run whose candidates are replaced: image id, row, col, logit."""
    run = fabricate(tmp_path, people)
    write_candidates(run, points)
    return load_judged(run)


@pytest.mark.parametrize("index", [0, 1])
def test_a_point_hits_up_to_the_whole_radius_also_in_a_mirrored_image(tmp_path, index):
    people = [Woman(f"w{i}", "test", "counts") for i in range(2)]
    judged = with_candidates(tmp_path, people, [])
    circle = judged.outlines[f"w{index}"][0].circle
    row, col, name = circle.row, circle.col, f"w{index}"
    points = [(name, row, col + 39, 2.0), (name, row, col + 41, 1.0)]
    judged = with_candidates(tmp_path / "again", people, points)
    matches = match_candidates(judged).matches
    calibrated = judged.card.calibration.logit
    assert matches.lesion_scores[index] == calibrated(2.0)
    assert matches.false_scores.tolist() == [calibrated(1.0)]


def test_a_candidate_in_a_finding_that_does_not_count_is_no_false_alarm(tmp_path):
    people = [Woman("cyst", "test", "left out"), Woman("healthy", "test")]
    judged = with_candidates(
        tmp_path, people, [("cyst", 150, 120, 3.0), ("cyst", 400, 250, 2.0), ("healthy", 9, 9, 1.0)]
    )
    matches = match_candidates(judged).matches
    assert not len(matches.lesion_scores)
    assert matches.false_scores.tolist() == [judged.card.calibration.logit(z) for z in (2.0, 1.0)]
    assert matches.images == 2


def test_images_whose_truth_nobody_knows_are_left_out(tmp_path):
    people = [
        Woman("healthy", "test"),
        Woman("somewhere", "test", "unlocated"),
        Woman("unread", "test", outcome="unknown"),
    ]
    matched = match_candidates(with_candidates(tmp_path, people, [("unread", 5, 5, 1.0)]))
    assert matched.images["image_id"].tolist() == ["healthy"]
    assert not len(matched.matches.false_scores)


def test_where_not_everything_is_outlined_lesions_count_and_nothing_else_is_an_alarm(tmp_path):
    people = [Woman("partly", "test", "counts", complete=False), Woman("whole", "test", "counts")]
    judged = with_candidates(tmp_path, people, [])
    points = []
    for name, score in (("partly", 3.0), ("whole", 2.0)):
        circle = judged.outlines[name][0].circle
        points += [(name, circle.row, circle.col, score), (name, 400, 30, score + 2)]
    judged = with_candidates(tmp_path / "again", people, points)
    matched, calibrated = match_candidates(judged), judged.card.calibration.logit
    assert matched.images["image_id"].tolist() == ["whole", "partly"]
    assert matched.matches.lesion_scores.tolist() == [calibrated(z) for z in (2.0, 3.0)]
    assert matched.matches.false_scores.tolist() == [calibrated(4.0)]
    assert matched.matches.images == 1  # false alarms per image of `whole` alone


def test_an_image_that_is_neither_outlined_nor_known_to_be_normal_is_left_out(tmp_path):
    people = [Woman("screened", "test", complete=False), Woman("healthy", "test")]
    matched = match_candidates(with_candidates(tmp_path, people, [("screened", 5, 5, 1.0)]))
    assert matched.images["image_id"].tolist() == ["healthy"]
    assert not len(matched.matches.false_scores)


def test_regions_are_matched_by_the_overlap_of_boxes(tmp_path):
    judged = load_judged(fabricate(tmp_path, women(), oracle=True))
    matches = match_regions(judged).matches
    assert np.isfinite(matches.lesion_scores).all()
    assert not len(matches.false_scores)


def test_overlap_by_hand():
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6]], dtype=float)
    np.testing.assert_allclose(box_iou(boxes, (0, 0, 2, 2)), [1, 1 / 7, 0])
