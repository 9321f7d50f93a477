from functools import partial

import numpy as np
import pytest

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.ingest.examples import build_example
from pipeline.ingest.examples.tree import example_pictures
from pipeline.ingest.rsna import read
from pipeline.run.errors import UserError
from tests.ingest import catalogs

HEADER = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,"
    "density,machine_id,difficult_negative_case"
)
SPACING_MM = 0.4
catalog_of = partial(catalogs.catalog_of, read)


def small_set(root, *rows, header=HEADER):
    """A table, and an empty file for each of its rows."""
    (root / "train.csv").write_text("\n".join([header, *rows]) + "\n")
    for row in rows:
        cells = row.split(",")
        path = root / "train_images" / cells[1] / f"{cells[2]}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    root = tmp_path_factory.mktemp("rsna") / "tree"
    build_example("rsna", root, patients=4, spacing_mm=SPACING_MM, seed=1)
    return root


def test_the_table_says_everything_about_an_image(tmp_path):
    small_set(tmp_path, "2,10006,462822612,L,MLO,61.0,1,1,1,,0,B,29.0,False")
    catalog = catalog_of(tmp_path)
    image = catalog.images.loc[0]
    assert image["image_id"] == "10006_462822612" and image["patient_id"] == "10006"
    assert (image["laterality"], image["view"], image["density"]) == ("L", "MLO", "B")
    assert (image["site"], image["scanner"]) == ("site-2", "machine-29")
    assert image["outcome"] == "abnormal"
    finding = catalog.findings.loc[0]
    assert (finding["kind"], finding["pathology"]) == ("cancer", "malignant")
    assert (finding["geometry"], finding["note"]) == ("none", "invasive")


def test_normal_means_screened_without_cancer_and_recalls_are_told(tmp_path):
    small_set(
        tmp_path,
        "1,1,11,L,CC,50.0,0,0,0,0.0,0,A,49,False",
        "1,1,12,L,MLO,50.0,0,0,0,1.0,0,A,49,True",
    )
    catalog = catalog_of(tmp_path)
    assert list(catalog.images["outcome"]) == ["normal", "normal"]
    assert catalog.findings.empty
    reasons = catalog.files.set_index("file")["reason"]
    assert "recalled (BI-RADS 0)" in reasons["train_images/1/11.dcm"]
    assert "difficult negative" in reasons["train_images/1/12.dcm"]


def test_no_position_of_any_image_is_positive_or_negative(example):
    catalog = catalog_of(example)
    assert set(catalog.images["complete"]) == {"no"}
    assert set(catalog.findings["geometry"]) == {"none"}


def test_test_images_have_no_outcome(example):
    images = catalog_of(example).images
    of_test = images[images["source"].str.startswith("test_images/")]
    assert len(of_test) == 4
    assert set(of_test["outcome"]) == {"unknown"}
    assert set(images["outcome"]) == {"abnormal", "normal", "unknown"}


def test_rows_without_file_and_files_without_row_are_told(example, capsys):
    files = catalog_of(example).files.set_index("file")
    assert files.loc["train_images/10006/2.dcm", "reason"] == "no table has a row for it"
    assert files.loc["train_images/10006/1.dcm", "reason"] == "view AT, no view of screening"
    assert (
        "1 of its rows have no file, such as train_images/10006/3.dcm"
        in (files.loc["train.csv", "reason"])
    )
    assert files.loc["sample_submission.csv", "reason"] == "a table or text"
    told = capsys.readouterr().out
    assert "note: the table says implant: 4, such as 10016_" in told
    stranger = "train_images/10006/2.dcm"
    assert f"note: no table has a row for it, so it is left out: {stranger}\n" in told
    assert "do not say whether there was a cancer" not in told  # of test.csv nobody expects it


def test_rows_that_do_not_say_whether_there_was_a_cancer_are_told(tmp_path, capsys):
    small_set(
        tmp_path,
        "1,1,11,L,CC,50.0,,0,0,,0,,49,False",
        "1,1,12,R,CC,50.0,0,0,0,,0,,49,False",
    )
    assert list(catalog_of(tmp_path).images["outcome"]) == ["unknown", "normal"]
    assert (
        "note: train.csv: 1 of its rows do not say whether there was a cancer: unknown\n"
    ) in capsys.readouterr().out


def test_dense_tissue_is_bright_through_every_codec_polarity_and_window(example):
    drawn = {
        (str(10006 + 5 * picture.patient), picture.side, picture.view): picture.pixels
        for picture in example_pictures(range(4), spacing_mm=SPACING_MM, seed=1)
    }
    seen = []
    for image in catalog_of(example).images.itertuples():
        mammogram = read_mammogram(image.file, settings=DicomSettings(), spacing_mm=SPACING_MM)
        dark_to_bright = np.argsort(
            drawn[image.patient_id, image.laterality, image.view], axis=None
        )
        assert (np.diff(mammogram.pixels.ravel()[dark_to_bright]) >= 0).all()
        seen.append(mammogram)
    assert {m.window.split()[0] for m in seen} == {"LINEAR", "SIGMOID", "LINEAR_EXACT"}
    assert {m.polarity for m in seen} == {"MONOCHROME1", "MONOCHROME2"}
    assert len({m.codec for m in seen}) == 2
    assert len({m.spacing_source for m in seen}) == 2


def test_without_a_table_the_user_is_told(tmp_path):
    with pytest.raises(UserError, match=r"has no train\.csv"):
        catalog_of(tmp_path)


def test_a_table_without_a_column_is_named(tmp_path):
    small_set(tmp_path, header=HEADER.replace(",machine_id", ""))
    with pytest.raises(UserError, match=r"train\.csv lacks the columns machine_id"):
        catalog_of(tmp_path)


@pytest.mark.parametrize(
    "row",
    [
        "1,1,11,X,CC,50.0,0,0,0,,0,,49,False",
        "1,1,11,L,CC,50.0,2,0,0,,0,,49,False",
        "1,../1,11,L,CC,50.0,0,0,0,,0,,49,False",
    ],
)
def test_a_row_that_makes_no_sense_is_named(tmp_path, row):
    (tmp_path / "train.csv").write_text(f"{HEADER}\n1,1,10,L,CC,50.0,0,0,0,,0,,49,False\n{row}\n")
    with pytest.raises(UserError, match="line 3") as refused:
        catalog_of(tmp_path)
    assert "50.0" not in str(refused.value)  # what is wrong and not the whole row


def test_an_image_with_two_rows_is_named(tmp_path):
    row = "1,1,11,L,CC,50.0,0,0,0,,0,,49,False"
    small_set(tmp_path, row, row)
    with pytest.raises(UserError, match=r"line 3: the image 11 is there twice"):
        catalog_of(tmp_path)
