"""Finding the breast: with frames, labels, white film edges, noise; which side, which doubts."""

import cv2
import numpy as np
import pytest

from pipeline.preprocess.breast.finder import Side, _share_outside, find_breast
from pipeline.preprocess.breast.skin import Air

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


def test_a_white_film_edge_that_the_breast_touches_stays_out():
    image, _ = drawn(noise=0.01)
    image[:, 120:132] = 1.0
    image[:, 132:] = 0.0
    result = found(image)
    assert not result.mask[:, 120:].any()
    assert result.mask[140, :112].all()


def test_a_label_that_stands_close_to_the_skin_leaves_the_skin_line_where_it_is():
    image, mask = drawn(noise=0.01)
    image[60:84, 125:153] = 1.0  # 3 mm from the skin
    result = found(image)
    assert overlap(result.mask, mask) > 0.97
    assert not result.mask[60:84, 125:153].any()


def test_a_black_frame_and_film_inside_it_are_left_out():
    image, mask = drawn(noise=0.01, air=0.15)
    framed = np.zeros((HEIGHT, WIDTH + 100), np.float32)
    framed[:, 40:-60] = image
    whole = np.zeros(framed.shape, bool)
    whole[:, 40:-60] = mask
    assert overlap(found(framed).mask, whole) > 0.96


def test_air_that_slopes_is_not_breast():
    image, mask = drawn(noise=0.01)
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    sloping = image + np.where(mask, 0, 0.12 * rows / HEIGHT + 0.06 * (1 - cols / WIDTH))
    assert overlap(found(sloping).mask, mask) > 0.96


def test_the_background_of_a_sigmoid_is_not_breast():
    image, mask = drawn(noise=0.02)
    assert overlap(found(1 / (1 + np.exp(-4 * (image - 0.35) / 0.7))).mask, mask) > 0.96


def test_a_white_background_is_not_breast():
    image, mask = drawn(noise=0.01)
    image[~mask] = 1.0
    result = found(image)
    assert overlap(result.mask, mask) > 0.95
    assert result.chest_wall is Side.LEFT


def test_a_faint_rim_around_a_dense_gland_belongs_to_the_breast():
    """The skin is a step of 0.03, the gland inside one of 0.5."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    inward = 1 - np.hypot((rows - 140) / 110, cols / 140)
    image = np.where(inward > 0, 0.08 + 0.1 * np.clip(inward, 0, 0.1), 0.05)
    image[inward > 0.15] = 0.6
    image += 0.002 * np.random.default_rng(0).standard_normal(image.shape)
    result = found(image)
    assert overlap(result.mask, inward > 0) > 0.97
    assert not result.notes


def test_a_nipple_in_profile_stays_in():
    image, mask = drawn(noise=0.005)
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    nipple = (np.hypot(rows - 140, cols - 142) < 7) & ~mask
    image[nipple] = 0.2
    assert found(image).mask[nipple].mean() > 0.75


def test_glow_in_a_corner_that_the_breast_leaves_free_stays_out():
    """The breast touches the right edge, so that the corner below is apart from the air above."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    inward = 1 - np.hypot((rows - 140) / 200, cols / 225)
    image = np.where(inward > 0, 0.25 + 0.5 * np.clip(inward, 0, 0.6), 0.03)
    image[(inward <= 0) & (rows > 140)] = 0.045
    image += 0.002 * np.random.default_rng(0).standard_normal(image.shape)
    assert overlap(found(image).mask, inward > 0) > 0.97


def kept(image, mask):
    """Share of the breast that is found; little air with it."""
    result = found(image.astype(np.float32)).mask
    assert (result & ~mask).sum() < 0.05 * mask.sum()
    return (result & mask).sum() / mask.sum()


def test_dense_parts_on_both_sides_of_a_dark_band_of_fat_are_one_breast():
    image, mask = drawn(air=0.0)
    image[mask] = 0.06
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    inner = 1 - np.hypot((rows - 140) / 110, cols / 140) > 0.2
    image[inner & (cols < 35)] = 0.9
    image[inner & (cols > 70)] = 0.8
    image += 0.002 * np.random.default_rng(0).standard_normal(image.shape)
    assert kept(np.clip(image, 0, 1), mask) > 0.97


def test_a_faint_breast_below_a_bright_muscle_is_found_whole():
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    mask = (cols < 90 + 30 * np.sin(rows / 90)) & (rows < 260)
    image = np.where(mask, 0.12, 0.0)
    image[mask & (rows + 2 * cols < 130)] = 0.95
    image[np.hypot(rows - 170, (cols - 70) * 2) < 36] = 0.45
    image += 0.002 * np.random.default_rng(0).standard_normal(image.shape)
    assert kept(np.clip(image, 0, 1), mask) > 0.97


def test_fat_of_a_tightly_cropped_breast_is_not_taken_for_air():
    rows, cols = np.mgrid[:220, :140]
    mask = (np.abs(rows - 110) / 112) ** 3 + (cols / 142) ** 3 < 1
    image = np.where(mask, 0.12, 0.0)
    image[np.hypot((rows - 110) / 40, (cols - 90) / 30) < 1] = 0.9
    image += 0.01 * np.random.default_rng(0).standard_normal(image.shape)
    assert kept(np.clip(image, 0, 1), mask) > 0.97


@pytest.mark.parametrize("turn", [1, -1])
def test_a_step_in_the_air_beside_a_narrow_breast_is_no_edge_of_the_film(turn):
    """The edge of the compression paddle: beyond it the air is not quite black."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    mask = np.hypot((rows - 140) / 110, cols / 60) < 1
    image = np.where(mask, 0.7, np.where(rows > 120, 0.02, 0.0))[::turn]
    assert kept(image, mask[::turn]) > 0.97


def test_tape_over_the_upper_end_is_left_out():
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    mask = cols < 90 + 40 * np.sin(rows / 90)
    image = np.where(mask, 0.3 + 0.4 * (1 - cols / WIDTH), 0.05)
    image[:12] = 0.7 * image[:12] + 0.12
    result = found(image)
    assert not result.mask[:12].any()
    assert overlap(result.mask[16:], mask[16:]) > 0.97
    assert 12 <= result.film[0].start <= 14


def test_the_film_is_inside_the_frame_and_holds_the_mask():
    image, _ = drawn(noise=0.01, air=0.1)
    framed = np.zeros((HEIGHT + 30, WIDTH + 50), np.float32)
    framed[10:-20, 20:-30] = image
    result = found(framed)
    assert result.film == (slice(10, HEIGHT + 10), slice(20, WIDTH + 20))
    outside = np.ones(framed.shape, bool)
    outside[result.film] = False
    assert not result.mask[outside].any()


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


def test_a_clear_breast_is_sure_and_a_doubtful_one_is_not():
    image, _ = drawn(noise=0.01)
    assert not found(image).notes
    assert found(image, laterality="R").notes


def test_a_part_in_the_middle_of_the_image_is_doubtful():
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    image = np.where(np.hypot(rows - 140, cols - 90) < 70, 0.5, 0.02)
    assert "hardly reaches the film's edge" in " ".join(found(image).notes)


@pytest.mark.parametrize(
    ("spacing_mm", "note"), [(0.2, "breast of only 10 cm2"), (2.5, "is the pixel spacing right")]
)
def test_a_breast_of_an_impossible_size_is_doubtful(spacing_mm, note):
    image, _ = drawn()
    result = find_breast(image, spacing_mm=spacing_mm)
    assert note in " ".join(result.notes)


def test_a_breast_without_air_around_it_is_doubtful():
    image = np.full((HEIGHT, WIDTH), 0.6, np.float32)
    image[-8:, -8:] = 0.0
    assert "no air found around the breast" in found(image).notes


def test_a_skin_line_that_is_hardly_visible_is_doubtful():
    """Dense tissue fades into the air without a step anywhere."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    inward = np.clip(1 - np.hypot((rows - 140) / 130, cols / 180), 0, 1)
    image = 0.1 + 0.8 * inward**3 + 0.03 * np.random.default_rng(0).standard_normal(inward.shape)
    assert "hardly visible" in " ".join(found(image).notes)


def test_one_grey_value_is_an_error():
    with pytest.raises(ValueError, match="one grey value"):
        found(np.ones((60, 60), np.float32))


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


def test_a_part_of_the_breast_beyond_the_mask_is_a_doubt_that_it_is_lost():
    image, mask = drawn()
    half = mask & (np.arange(HEIGHT)[:, None] < 140)
    air = Air(np.full(image.shape, 0.05), 0.002, seen=True, fat=np.zeros_like(mask))
    assert _share_outside(mask, image, air, spacing_mm=SPACING_MM) < 0.01
    assert 0.4 < _share_outside(half, image, air, spacing_mm=SPACING_MM) < 0.5


def test_what_says_that_the_breast_is_cut_is_told_from_other_doubts():
    image, _ = drawn()
    assert found(image, laterality="R").lost == ()
    (lost,) = find_breast(image, spacing_mm=0.2).lost
    assert lost == "breast of only 10 cm2 found: is the pixel spacing right?"


def test_single_bright_pixels_are_no_breast():
    image = np.zeros((120, 120), np.float32)
    image[::40, ::40] = 1.0
    assert found(image).notes == ("no breast found",)


def test_an_image_without_any_bulk_has_no_breast():
    image = np.zeros((120, 120), np.float32)
    image[::6] = 1.0  # lines only
    result = found(image)
    assert not result.mask.any()
    assert result.notes == ("no breast found",)
