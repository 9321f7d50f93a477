"""Finding the breast: with frames, labels, white film edges, noise; which side, which doubts."""

import cv2
import numpy as np
import pytest

from pipeline.preprocess.breast import Side, find_breast
from pipeline.preprocess.film import film_box, without_corners, without_strips
from pipeline.preprocess.shapes import main_part, opened, part_of

HEIGHT, WIDTH = 280, 220
SPACING_MM = 0.8


def drawn(*, noise=0.0, air=0.05):
    """A half ellipse on the left edge that fades towards the skin, and its mask."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    inward = 1 - np.hypot((rows - 140) / 110, cols / 140)
    mask = inward > 0
    image = np.where(mask, 0.25 + 0.5 * np.clip(inward, 0, 0.6), air)
    image += noise * np.random.default_rng(0).standard_normal(image.shape)
    return np.clip(image, 0, 1).astype(np.float32), mask


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def found(image, **options):
    return find_breast(image, spacing_mm=SPACING_MM, **options)


def test_a_clear_breast_is_found_to_the_pixel_at_its_skin():
    image, mask = drawn()
    assert overlap(found(image).mask, mask) > 0.98
    assert found(image).notes == ()


@pytest.mark.parametrize("scale", [1.0, 4095.0])
def test_the_scale_of_the_grey_values_does_not_matter(scale):
    image, mask = drawn()
    assert overlap(found(image * scale).mask, mask) > 0.98


def test_noise_of_the_detector_costs_little():
    image, mask = drawn(noise=0.03)
    assert overlap(found(image).mask, mask) > 0.96


def test_bright_film_around_the_breast_is_not_breast():
    image, mask = drawn(air=0.18, noise=0.01)
    assert overlap(found(image).mask, mask) > 0.96


def test_a_label_and_a_white_film_edge_are_left_out():
    image, mask = drawn(noise=0.01)
    image[20:45, 150:185] = 1.0
    image[:, -12:] = 1.0
    assert overlap(found(image).mask, mask) > 0.97


def test_a_black_frame_and_film_inside_it_are_left_out():
    image, mask = drawn(noise=0.01, air=0.15)
    framed = np.zeros((HEIGHT, WIDTH + 100), np.float32)
    framed[:, 40:-60] = image
    whole = np.zeros(framed.shape, bool)
    whole[:, 40:-60] = mask
    assert overlap(found(framed).mask, whole) > 0.96


def test_the_image_is_not_modified():
    image, _ = drawn()
    before = image.copy()
    found(image)
    assert np.array_equal(image, before)


def test_a_mirrored_image_gives_the_mirrored_mask_and_the_other_side():
    image, _ = drawn(noise=0.01)
    left, right = found(image), found(image[:, ::-1])
    assert (left.chest_wall, right.chest_wall) == (Side.LEFT, Side.RIGHT)
    assert overlap(left.mask[:, ::-1], right.mask) > 0.995


def test_tags_that_contradict_the_pixels_become_a_note_and_the_pixels_decide():
    image, _ = drawn()
    assert found(image, laterality="L").notes == ()
    contradicted = found(image, laterality="R")
    assert contradicted.chest_wall is Side.LEFT
    assert contradicted.notes == ("chest wall on the left though the laterality is R",)


def test_a_breast_that_fills_the_film_has_its_side_from_the_muscle_and_a_note():
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    image = np.full((HEIGHT, WIDTH), 0.6, np.float32)
    image[rows + cols < 90] = 0.8  # the muscle
    image[(HEIGHT - rows) + cols < 60] = 0.02
    result = found(image)
    assert result.chest_wall is Side.LEFT
    assert "side of the chest wall unclear" in result.notes


def test_one_grey_value_is_an_error():
    with pytest.raises(ValueError, match="one grey value"):
        found(np.ones((60, 60), np.float32))


def test_the_film_box_keeps_a_breast_that_begins_gradually():
    light = np.zeros((60, 60), np.float32)
    for col in range(60):
        light[30 - col // 2 : 31 + col // 2, col] = 0.5  # the nipple points left
    assert film_box(light)[1].start <= 3


def test_a_strip_of_glow_is_cut_and_a_corner_is_not():
    mask = np.zeros((100, 60), bool)
    mask[:, :8] = True  # glow along the whole film edge
    mask[30:70, :50] = True
    cut = without_strips(mask, spacing_mm=1.0)
    assert np.flatnonzero(cut.any(axis=1)).tolist() == list(range(30, 70))
    wedge = np.tri(60, 60, dtype=bool)
    assert np.array_equal(without_strips(wedge, spacing_mm=1.0), wedge)


def test_a_corner_of_film_that_hangs_on_the_breast_is_cut():
    mask = np.zeros((80, 60), bool)
    mask[:, :20] = True
    mask[30:60, :40] = True
    mask[:6, :60] = True  # a corner that leaks out at the top
    cut = without_corners(mask)
    assert cut[:6].sum(axis=1).max() <= 20 + 6 + 1
    assert np.array_equal(cut[10:], mask[10:])


def test_opening_removes_thin_things_and_keeps_what_goes_on_over_the_left_edge():
    mask = np.zeros((40, 40), bool)
    mask[10:30, :4] = True  # half of a shape that goes on beyond the chest wall
    mask[10:30, 20:24] = True  # as thin, but all there is
    cut = opened(mask, 3)
    assert cut[20, 0] and not cut[:, 20:].any()


def test_the_main_part_is_the_bulkiest_and_not_the_largest():
    mask = np.zeros((30, 100), bool)
    mask[:3] = True
    mask[10:24, :14] = True
    assert main_part(mask)[15, 5] and not main_part(mask)[0, 0]
    assert not main_part(np.zeros((5, 5), bool)).any()


def test_the_part_of_a_core_is_the_one_that_shares_most_with_it():
    mask = np.array([[1, 1, 0, 1], [1, 1, 0, 1]], bool)
    core = np.array([[1, 0, 0, 0], [1, 0, 0, 1]], bool)
    assert part_of(mask, core)[:, 3].tolist() == [False, False]
    assert part_of(mask, core)[:, :2].all()


def test_on_real_films_every_circle_lies_on_the_breast_and_every_side_is_right(mammo_data):
    """mini-MIAS: odd numbers have the chest wall on the right, even ones on the left."""
    folder = mammo_data / "mini-mias"
    names = ["mdb002", "mdb028", "mdb134", "mdb145", "mdb151", "mdb169", "mdb274", "mdb280"]
    circles = {}
    for line in (folder / "Info.txt").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words and words[0] in names and len(words) == 7:
            circles[words[0]] = 1023 - int(words[5]), int(words[4])
    for name in names:
        picture = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
        assert picture is not None, name
        small = cv2.resize(picture.astype(np.float32), (256, 256), interpolation=cv2.INTER_AREA)
        result = found(small)
        odd = int(name[3:]) % 2 == 1
        assert result.chest_wall is (Side.RIGHT if odd else Side.LEFT), name
        assert 0.1 < result.mask.mean() < 0.95, name
        if name in circles:
            row, col = circles[name]
            assert result.mask[row // 4, col // 4], name


def test_an_image_without_any_bulk_has_no_breast():
    image = np.zeros((120, 120), np.float32)
    image[::6] = 1.0  # lines only
    result = found(image)
    assert not result.mask.any()
    assert result.notes == ("no breast found",)
