"""Hard negatives: the highest false alarms of the training patients, and nothing else."""

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.outlines import read_outlines
from pipeline.model.crop_shape import CropShape
from pipeline.model.image_map import map_entry
from pipeline.model.map_grid import finite_positions, map_level
from pipeline.preprocess.store.entries import network_input, read_image
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.errors import UserError
from pipeline.studies.mine import MINED_COLUMNS, MOST_PER_IMAGE, mine
from pipeline.train.data.corpus import read_corpus
from pipeline.train.data.crops import place_crop
from pipeline.train.data.inputs import read_mined
from tests.model.rules import a_rule
from tests.train.toy_run import LABELS, PITCH_PX

SHAPE = CropShape(cells=17, patch_px=32, stride_px=4, margin_cells=2)


def tables(run):
    return read_mammograms(run), read_outlines(run), read_positions(run)


def brightness(pixels, rule=None):
    """In place of a network: the logit of a position is how bright it is there, smoothed."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), 3)
    sides = [(0, -size % PITCH_PX + 1) for size in pixels.shape]
    return np.pad(smooth, sides, mode="edge")[::PITCH_PX, ::PITCH_PX], None


def mined(run, *, limit, smooth_cells=0.0, level_share=0.0):
    corpus = read_corpus(*tables(run), labels=LABELS)
    rule = a_rule(PITCH_PX, smooth_cells=smooth_cells, level_share=level_share, level=9.0)
    return corpus, mine(list(corpus.images), brightness, rule, limit=limit)


def test_alarms_lie_at_negative_positions_of_training_patients_best_first(shared_toy_run):
    corpus, table = mined(shared_toy_run, limit=20)
    assert list(table.columns) == list(MINED_COLUMNS)
    assert len(table) == 20
    assert table["logit"].is_monotonic_decreasing
    assert table["image_id"].value_counts().max() <= MOST_PER_IMAGE
    mammograms, _, _ = tables(shared_toy_run)
    split = mammograms.set_index("image_id")["split"]
    assert set(split[table["image_id"]]) == {"train"}
    images = {image.image_id: image for image in corpus.images}
    for row in table.itertuples():
        # The discs are far brighter than the noise, and are no alarms.
        assert images[row.image_id].labels([row.row_standard], [row.col_standard]) == [0]


def test_alarms_say_where_they_are_in_pixels_of_the_original(shared_toy_run):
    mammograms, outlines, positions = tables(shared_toy_run)
    # The same standard images, of originals of half the pixel size, every other one mirrored.
    larger = mammograms.assign(row0=10, col0=20, row_scale=2.0, col_scale=2.0)
    larger["flipped"] = [number % 2 == 1 for number in range(len(larger))]
    corpus = read_corpus(larger, outlines, positions, labels=LABELS)
    table = mine(list(corpus.images), brightness, a_rule(PITCH_PX), limit=1000)
    flipped = table["image_id"].map(larger.set_index("image_id")["flipped"]).to_numpy()
    assert 0 < flipped.sum() < len(table)
    col = 2 * (table["col_standard"] + 0.5) - 0.5
    mirrored = 2 * larger["width"].iloc[0] - 1 - col
    np.testing.assert_allclose(table["row"], 10 + 2 * (table["row_standard"] + 0.5) - 0.5)
    np.testing.assert_allclose(table["col"], 20 + np.where(flipped, mirrored, col))


def test_a_table_of_an_earlier_version_is_refused(tmp_path):
    path = tmp_path / "mined.csv"
    path.write_text("image_id,row,col,logit\ni1,70,50,3\n")
    with pytest.raises(UserError, match=r"lacks the columns col_standard, row_standard.*make mine"):
        read_mined(path)


def test_alarms_are_those_of_the_smoothed_map(shared_toy_run):
    corpus, table = mined(shared_toy_run, limit=1000, smooth_cells=2.0)
    for image in corpus.images:
        own = table[table["image_id"] == image.image_id]
        at = [
            np.rint((own[f"{axis}_standard"] + 0.5) / PITCH_PX).astype(int)
            for axis in ("row", "col")
        ]
        plain, smooth = (
            map_entry(image.store, brightness, a_rule(PITCH_PX, smooth_cells=cells))[0][tuple(at)]
            for cells in (0.0, 2.0)
        )
        np.testing.assert_allclose(own["logit"], smooth, rtol=1e-6)
        assert (plain != smooth).all()


def test_alarms_are_those_of_the_map_at_its_level(shared_toy_run):
    (corpus, own), (_, brought) = (
        mined(shared_toy_run, limit=1000, level_share=share) for share in (0.0, 1.0)
    )
    places = ["image_id", "row", "col", "row_standard", "col_standard"]
    both = own.merge(brought, on=places, suffixes=("", "_brought"), validate="1:1")
    assert len(both) == len(own) == len(brought)
    for image in corpus.images:
        breast, size = image.breast, {"height": image.height, "width": image.width}
        finite = finite_positions(breast, pitch_px=PITCH_PX, **size)
        level = map_level(brightness(network_input(read_image(image.store)))[0], finite)
        rows = both[both["image_id"] == image.image_id]
        np.testing.assert_allclose(rows["logit_brought"], rows["logit"] - (level - 9.0), atol=1e-4)


def test_the_asked_share_of_negative_crops_is_near_an_alarm(shared_toy_run):
    table = pd.DataFrame(
        {"image_id": ["i1", "gone"], "row_standard": [70.0, 1.0], "col_standard": [50.0, 1.0]}
    )
    corpus = read_corpus(*tables(shared_toy_run), labels=LABELS, mined=table)
    assert corpus.mined.row.tolist() == [70.0]

    def near(index, share):
        place = place_crop(
            corpus, SHAPE, index, seed=0, positive_share=1e-9, zoom=1.0, mined_share=share
        )
        here = corpus.images[place.image].image_id == "i1"
        return here and abs(place.row - 70) <= 2 and abs(place.col - 50) <= 2

    assert 0.2 < np.mean([near(i, 0.3) for i in range(300)]) < 0.4
    assert not any(near(i, 0.0) for i in range(100))
