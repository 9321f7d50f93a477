"""The phantom's folder: DICOM files that conform, written once, never over other data."""

import json
import shutil

import numpy as np
import pydicom
import pytest

from pipeline.config import DataSettings, PhantomSettings
from pipeline.ingest.catalog import check_catalog
from pipeline.ingest.phantom.importer import read_phantom
from pipeline.ingest.phantom.picture import draw_picture
from pipeline.ingest.phantom.plan import plan_patient
from pipeline.run.errors import UserError
from tests import dicom_validator
from tests.dciodvfy import verdict

# Ten patients have all transfer syntaxes, both polarities, and films.
SMALL = PhantomSettings(patients=4, spacing_mm=0.4)
PHANTOM = PhantomSettings(patients=10, spacing_mm=0.4, abnormal_share=0.5)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    data = DataSettings(root=tmp_path_factory.mktemp("phantom") / "data")
    return data, read_phantom(data, PHANTOM, workers=0)


@pytest.fixture(scope="module")
def datasets(written):
    return [pydicom.dcmread(file) for file in written[1].images["file"]]


def test_the_catalog_passes_its_checks_and_names_every_file(written):
    data, catalog = written
    check_catalog(catalog)
    on_disk = {p.relative_to(data.root).as_posix() for p in data.root.rglob("*") if p.is_file()}
    assert set(catalog.files["file"]) == on_disk
    assert len(catalog.images) == 40
    assert set(catalog.images["outcome"]) == {"abnormal", "normal"}


def test_half_of_the_patients_have_findings_in_both_views(written):
    _, catalog = written
    images = catalog.images.set_index("image_id")
    found = images.loc[catalog.findings["image_id"]]
    assert found["patient_id"].nunique() == 5
    views = catalog.findings["image_id"].map(images["view"]).value_counts()
    assert views["CC"] == views["MLO"]


def test_outlines_in_the_catalog_are_those_of_the_picture(written):
    _, catalog = written
    row = catalog.findings.iloc[0]
    index, side, view = int(row.image_id[10:14]) - 1, row.image_id[15], row.image_id[17:]
    picture = draw_picture(plan_patient(index, PHANTOM), side, view, PHANTOM)
    outlines = [lesion.outline.round(2).tolist() for lesion in picture.lesions]
    assert json.loads(row.coordinates) in outlines


def test_dciodvfy_reports_no_error_on_any_file(written):
    for file in written[1].images["file"]:
        assert verdict(file) == ("MammographyImageForPresentation", []), file


def test_dicom_validator_reports_no_error_on_any_file(written):
    for file in written[1].images["file"]:
        assert dicom_validator.errors(file) == [], file


def test_decoded_pixels_are_the_drawn_ones_in_every_transfer_syntax(written, datasets):
    seen = set()
    for row, dataset in zip(written[1].images.itertuples(), datasets, strict=True):
        syntax = dataset.file_meta.TransferSyntaxUID
        key = (syntax, dataset.PhotometricInterpretation)
        if key in seen:
            continue
        seen.add(key)
        index = int(row.patient_id[-4:]) - 1
        picture = draw_picture(plan_patient(index, PHANTOM), row.laterality, row.view, PHANTOM)
        shown = _decoded(dataset)
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            shown = 4095 - shown
        np.testing.assert_array_equal(shown, picture.pixels)
    assert len({syntax for syntax, _ in seen}) >= 4
    assert {polarity for _, polarity in seen} == {"MONOCHROME1", "MONOCHROME2"}


def _decoded(dataset):
    """Pixels as stored; JPEG streams by imagecodecs, the rest by pydicom."""
    import imagecodecs
    from pydicom.encaps import get_frame
    from pydicom.uid import JPEG2000Lossless, JPEGLossless

    decode = {
        JPEG2000Lossless: imagecodecs.jpeg2k_decode,
        JPEGLossless: imagecodecs.ljpeg_decode,
    }.get(dataset.file_meta.TransferSyntaxUID)
    if decode is None:
        return dataset.pixel_array
    return decode(get_frame(dataset.PixelData, 0, number_of_frames=1))


def test_headers_agree_with_the_catalog_and_say_synthetic(written, datasets):
    for row, dataset in zip(written[1].images.itertuples(), datasets, strict=True):
        assert dataset.ImageLaterality == row.laterality
        assert dataset.ViewPosition == row.view
        assert dataset.PatientID == row.patient_id
        assert list(dataset.ImagerPixelSpacing) == [row.spacing_mm, row.spacing_mm] == [0.4, 0.4]
        assert (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit) == (16, 12, 11)
        assert dataset.PatientOrientation[0] == {"L": "A", "R": "P"}[row.laterality]
        for text in (dataset.PatientName, dataset.PatientID, dataset.ImageComments):
            assert "SYNTHETIC" in str(text)
        assert "SYNTHETIC" in dataset.SeriesDescription


def test_every_image_has_its_own_uid_and_each_patient_one_study(datasets):
    assert len({d.SOPInstanceUID for d in datasets}) == len(datasets)
    assert len({d.StudyInstanceUID for d in datasets}) == 10


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    data = DataSettings(root=tmp_path_factory.mktemp("small") / "data")
    read_phantom(data, SMALL, workers=0)
    return data.root


def test_files_are_the_same_bytes_whatever_the_number_of_workers(small, tmp_path):
    read_phantom(DataSettings(root=tmp_path / "two"), SMALL, workers=2)
    alone, two = (
        {p.name: p.read_bytes() for p in root.rglob("*") if p.is_file()}
        for root in (small, tmp_path / "two")
    )
    assert len(alone) == 17 and alone == two


@pytest.fixture
def copy(small, tmp_path):
    shutil.copytree(small, tmp_path / "data")
    return DataSettings(root=tmp_path / "data")


def _times(data):
    return {p: p.stat().st_mtime_ns for p in data.root.rglob("*.dcm")}


def test_a_whole_folder_is_listed_and_not_written_again(written, capsys):
    data, catalog = written
    before = _times(data)
    again = read_phantom(data, PHANTOM, workers=0)
    assert _times(data) == before and capsys.readouterr().out == ""
    assert again.images.equals(catalog.images) and again.findings.equals(catalog.findings)


def test_other_settings_replace_the_files_and_leave_those_of_the_user(copy):
    (copy.root / "split.csv").write_text("patient_id,split\n")
    other = SMALL.model_copy(update={"patients": 5, "seed": 9})
    catalog = read_phantom(copy, other, workers=0)
    assert len(catalog.images) == len(list(copy.root.rglob("*.dcm"))) == 20
    assert (copy.root / "split.csv").read_text() == "patient_id,split\n"
    reasons = dict(zip(catalog.files["file"], catalog.files["reason"], strict=True))
    assert reasons["split.csv"] == "not a picture of the phantom"


def test_a_missing_picture_is_written_again(copy):
    lost = sorted(copy.root.rglob("*.dcm"))[5]
    expected = lost.read_bytes()
    lost.unlink()
    read_phantom(copy, SMALL, workers=0)
    assert lost.read_bytes() == expected


def test_an_interrupted_writing_begins_again(copy):
    record = json.loads((copy.root / "phantom.json").read_text())
    record["complete"] = False
    (copy.root / "phantom.json").write_text(json.dumps(record))
    stale = sorted(copy.root.rglob("*.dcm"))[0]
    expected = stale.read_bytes()
    stale.write_bytes(b"half a file")
    assert len(read_phantom(copy, SMALL, workers=0).images) == 16
    assert stale.read_bytes() == expected


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match=r"no phantom's folder .*Choose another data\.root"):
        read_phantom(DataSettings(root=tmp_path), PHANTOM, workers=0)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_damaged_record_is_refused_with_what_to_do(tmp_path):
    (tmp_path / "phantom.json").write_text("{")
    with pytest.raises(UserError, match=r"damaged.*Delete the folder"):
        read_phantom(DataSettings(root=tmp_path), PHANTOM, workers=0)
