import json

import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.coordinates import coordinates_problem
from pipeline.ingest.catalog import check_catalog, make_catalog, read_catalog, write_catalog
from pipeline.ingest.read_data_set import apply_split, limit_patients
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

SUMMARY = {"importer": "dicom", "root": "data", "fingerprint": "f"}


def image(image_id: str, patient_id: str = "w1", **values) -> dict:
    return {
        "image_id": image_id,
        "patient_id": patient_id,
        "file": f"data/{image_id}.dcm",
        "source": f"{image_id}.dcm",
        "dataset": "dicom",
    } | values


def finding(finding_id: str, image_id: str, **values) -> dict:
    return {
        "finding_id": finding_id,
        "image_id": image_id,
        "kind": "mass",
        "pathology": "benign",
        "geometry": "circle",
        "coordinates": '{"row": 1, "col": 2, "radius": 3}',
    } | values


def file(image_id: str, **values) -> dict:
    return {"file": f"{image_id}.dcm", "status": "candidate", "bytes": 10} | values


def catalog(images=("a",), findings=(), **values):
    return make_catalog([image(i, **values) for i in images], findings, [file(i) for i in images])


def test_a_catalog_survives_writing_and_reading(tmp_path):
    run = RunFolder(tmp_path)
    written = make_catalog(
        [image("b", "007", spacing_mm=0.1), image("a", "NA")],
        [finding("a-1", "a")],
        [file("a"), file("b")],
    )
    check_catalog(written)
    write_catalog(run, written, **SUMMARY)
    back = read_catalog(run)
    check_catalog(back)
    for name in ("images", "findings", "files"):
        pd.testing.assert_frame_equal(getattr(back, name), getattr(written, name))
    assert list(back.images["patient_id"]) == ["NA", "007"]
    assert np.isnan(back.images.loc[0, "spacing_mm"])


def test_an_empty_catalog_keeps_its_columns(tmp_path):
    run = RunFolder(tmp_path)
    write_catalog(run, make_catalog([], [], []), **SUMMARY)
    check_catalog(read_catalog(run))
    assert run.findings_table.read_text().startswith("finding_id,image_id")


def test_rows_are_sorted_and_bytes_do_not_depend_on_their_order(tmp_path):
    images, files = [image("a"), image("b")], [file("a"), file("b")]
    texts = []
    for name, step in (("one", 1), ("two", -1)):
        run = RunFolder(tmp_path / name)
        write_catalog(run, make_catalog(images[::step], [], files[::step]), **SUMMARY)
        texts.append((run.images_table.read_bytes(), run.catalog.read_bytes()))
    assert texts[0] == texts[1]


def test_catalog_json_is_rewritten_only_when_something_changed(tmp_path):
    run = RunFolder(tmp_path)
    assert write_catalog(run, catalog(), **SUMMARY)
    before = run.catalog.stat().st_mtime_ns
    assert not write_catalog(run, catalog(), **SUMMARY)
    assert run.catalog.stat().st_mtime_ns == before
    assert write_catalog(run, catalog(density="D"), **SUMMARY)
    counts = json.loads(run.catalog.read_text())
    assert (counts["images"], counts["patients"], counts["files"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"laterality": "LEFT"}, "laterality"),
        ({"outcome": "sick"}, "outcome"),
        ({"split_hint": "dev"}, "split_hint"),
        ({"spacing_mm": 50.0}, "spacing_mm"),
        ({"patient_id": ""}, "patient_id"),
    ],
)
def test_a_wrong_value_is_refused_with_its_column(values, message):
    with pytest.raises(UserError, match=f"table of images is wrong: row 0, {message}"):
        check_catalog(catalog(**values))


def test_every_row_with_a_wrong_value_is_named_in_order():
    rows = [image("a"), image("b", view="mlo"), image("c", spacing_mm=9.0), image("d", view="mlo")]
    wrong = make_catalog(rows, [], [file(name) for name in "abcd"])
    message = r"row 1, view: .*'mlo'; row 2, spacing_mm: .*, not 9\.0; row 3, view: .*'mlo'\.$"
    with pytest.raises(UserError, match=message):
        check_catalog(wrong)


@pytest.mark.parametrize("image_id", ["../a", "a/b", ".a", "", "a b"])
def test_an_id_that_is_no_file_name_is_refused(image_id):
    with pytest.raises(UserError, match="image_id"):
        check_catalog(make_catalog([image(image_id)], [], [file(image_id)]))


def test_ids_must_be_unique():
    with pytest.raises(UserError, match="findings is wrong"):
        check_catalog(catalog(findings=[finding("x", "a"), finding("x", "a")]))


def test_a_finding_needs_its_image():
    with pytest.raises(UserError, match="images that do not exist: b"):
        check_catalog(catalog(findings=[finding("x", "b")]))


def test_every_candidate_needs_an_image_and_the_reverse():
    with pytest.raises(UserError, match="one image and every image one candidate"):
        check_catalog(make_catalog([image("a")], [], [file("a"), file("b")]))


def test_a_skipped_file_needs_a_reason():
    with pytest.raises(UserError, match="must have a reason"):
        check_catalog(make_catalog([], [], [file("a", status="skipped")]))


@pytest.mark.parametrize(
    ("geometry", "coordinates", "problem"),
    [
        ("circle", '{"row": 1, "col": 2, "radius": 3}', ""),
        ("circle", '{"row": 1, "col": 2}', "exactly"),
        ("circle", '{"row": 1, "col": 2, "radius": 0}', "radius must be positive"),
        ("circle", '{"row": NaN, "col": 2, "radius": 1}', "finite"),
        ("box", '{"row0": 1, "col0": 1, "row1": 1, "col1": 5}', "row0 < row1"),
        ("polygon", "[[1, 2], [3, 4], [5, 6]]", ""),
        ("polygon", "[[1, 2], [3, 4]]", "three or more"),
        ("polygon", '[[1, 2], [3, 4], [5, "x"]]', "three or more"),
        ("mask", '{"file": "m.png"}', ""),
        ("none", "{}", ""),
        ("none", "{", "not JSON"),
    ],
)
def test_coordinates_are_checked(geometry, coordinates, problem):
    found = coordinates_problem(geometry, coordinates)
    assert problem in found and bool(found) == bool(problem)


def test_a_limit_keeps_the_first_patients_and_skips_the_files_of_the_others():
    whole = make_catalog(
        [image("a", "w2"), image("b", "w1"), image("c", "w2")],
        [finding("a-1", "a"), finding("b-1", "b")],
        [file("a"), file("b"), file("c")],
    )
    part = limit_patients(whole, 1)
    check_catalog(part)
    assert list(part.images["image_id"]) == ["b"]
    assert list(part.findings["finding_id"]) == ["b-1"]
    assert list(part.files["reason"]) == ["data.limit", "", "data.limit"]
    assert list(whole.files["status"]) == ["candidate"] * 3


def test_the_users_split_stands_in_place_of_the_data_sets_own():
    images = [image("a", "w1"), image("b", "w2") | {"split_hint": "train"}]
    whole = make_catalog(images, [], [file("a"), file("b")])
    split = apply_split(whole, {"w1": "test", "w9": "train"}, where="split.csv")
    assert split.split == {"w1": "test"}
    assert list(split.images["split_hint"]) == ["", ""]
    with pytest.raises(UserError, match=r"split\.csv names none of the patients"):
        apply_split(whole, {"1": "test"}, where="split.csv")
