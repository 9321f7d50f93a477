"""Exported objects: at the right pixels, read back equal, conforming, without identities."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pandas as pd
import pydicom
import pytest
from highdicom.pm.sop import pmread
from pydicom.dataelem import DataElement

from pipeline.dicom.unusable import Unusable
from pipeline.dicom_out import exported_run, secondary_capture
from pipeline.dicom_out.exported_run import OBJECTS, export_dicom
from pipeline.dicom_out.parametric_map import OUTSIDE
from pipeline.dicom_out.source_image import _is_plain, read_source
from pipeline.model.image_map import read_map
from pipeline.preprocess.tables import read_mammograms, write_mammograms
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.pseudonyms import Pseudonyms
from tests import dicom_validator
from tests.dciodvfy import verdict
from tests.dicom_out.exported import (
    CASES,
    CELL_PX,
    SECRETS,
    exported,
    film_label,
    square,
    write_source,
)

BY_NAME = {case.name: case for case in CASES}
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    return exported(tmp_path_factory.mktemp("exported"))


def place(run, case, kind):
    return run.dicom / case.name / f"{kind}.dcm"


def read(run, case, kind) -> pydicom.Dataset:
    return pydicom.dcmread(place(run, case, kind))


def source_of(run, case) -> pydicom.Dataset:
    return pydicom.dcmread(run.root.parent / f"{case.name}.dcm", stop_before_pixels=True)


def rows_of(run, case) -> pd.DataFrame:
    regions = pd.read_csv(run.regions)
    return regions[regions["image_id"] == case.name].reset_index(drop=True)


def check_at_mark(mask, centre):
    """A mask of the source's pixels lies on a mark, to a position of the map."""
    truth = np.zeros(mask.shape, bool)
    truth[square(centre)] = True
    assert (mask & truth).sum() / (mask | truth).sum() > 0.6
    rows, cols = np.nonzero(mask)
    assert abs(rows.mean() - centre[0]) < CELL_PX
    assert abs(cols.mean() - centre[1]) < CELL_PX


@each_case
def test_the_regions_lie_on_the_marks_in_the_pixels_of_the_source(run, case):
    written = read(run, case, "segmentation")
    source = source_of(run, case)
    assert (written.Rows, written.Columns) == (source.Rows, source.Columns)
    frames = written.pixel_array.reshape(-1, source.Rows, source.Columns) > 0
    marks = [case.mark, case.second] if case.second else [case.mark]
    for frame, mark in zip(frames, marks, strict=True):
        check_at_mark(frame, mark)
    by_highdicom = highdicom.seg.segread(place(run, case, "segmentation"))
    found = by_highdicom.get_pixels_by_source_instance(
        [source.SOPInstanceUID], combine_segments=False
    )
    np.testing.assert_array_equal(np.moveaxis(found[0], -1, 0) > 0, frames)


@each_case
def test_viewers_find_a_segmentation_where_they_lay_the_mammogram(run, case):
    # OHIF 3.12 and dcmqi 1.5.7 read these without a default.
    written = read(run, case, "segmentation")
    shared = written.SharedFunctionalGroupsSequence[0]
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [0.4, 0.4]
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    for frame in written.PerFrameFunctionalGroupsSequence:
        assert frame.PlanePositionSequence[0].ImagePositionPatient == [0, 0, 0]
    assert "FrameOfReferenceUID" not in written, "no place in the patient is claimed"


def test_each_object_is_a_series_of_its_own_but_the_overlays(run):
    made = [pydicom.dcmread(p) for p in run.dicom.rglob("*.dcm") if p.name != "overlay.dcm"]
    assert len({dataset.SeriesInstanceUID for dataset in made}) == len(made)
    left = read(run, BY_NAME["left"], "segmentation")
    assert left.SeriesDescription == "RESEARCH USE ONLY: segmentation of L CC"


@each_case
def test_each_segment_fills_the_box_of_its_row_in_regions_csv(run, case):
    written = read(run, case, "segmentation")
    frames = written.pixel_array.reshape(-1, written.Rows, written.Columns)
    table = rows_of(run, case)
    assert len(frames) == len(table) == len(written.SegmentSequence)
    for frame, row in zip(frames, table.itertuples(), strict=True):
        rows, cols = np.nonzero(frame)
        assert (rows.min(), rows.max() + 1) == (row.row0, row.row1)
        assert (cols.min(), cols.max() + 1) == (row.col0, row.col1)


@each_case
def test_the_map_is_read_back_equal_and_its_plane_places_the_mark(run, case):
    written = read(run, case, "parametric-map")
    values = written.pixel_array
    known = read_map(run.heatmap(case.name))
    upright = known.probability[:, :: -1 if known.cols[0] > known.cols[-1] else 1]
    np.testing.assert_array_equal(np.where(np.isnan(upright), OUTSIDE, upright), values)
    by_highdicom = pmread(place(run, case, "parametric-map"))
    np.testing.assert_array_equal(by_highdicom.pixel_array, values)
    # By the standard's own formula (PS3.3 C.7.6.2.1.1), in mm along the source's axes.
    shared = written.SharedFunctionalGroupsSequence[0]
    plane = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    along_row, along_column = plane[:3], plane[3:]
    frame = written.PerFrameFunctionalGroupsSequence[0]
    first = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
    steps = np.array(shared.PixelMeasuresSequence[0].PixelSpacing, float)
    rows, cols = np.nonzero(values == values.max())
    spacing_mm = 0.4
    row = (first @ along_column + rows.mean() * steps[0]) / spacing_mm
    col = (first @ along_row + cols.mean() * steps[1]) / spacing_mm
    assert abs(row - case.mark[0]) < CELL_PX
    assert abs(col - case.mark[1]) < CELL_PX


# To the front of the patient where the chest wall is on the left, and to the middle or the feet.
DIRECTIONS = {
    "left": ([0, -1, 0], [-1, 0, 0]),
    "right": ([0, 1, 0], [1, 0, 0]),
    "mirrored": ([0, 1, 0], [-(0.5**0.5), 0, -(0.5**0.5)]),
    "cropped": ([0, 1, 0], [0.5**0.5, 0, -(0.5**0.5)]),
    "film": ([0, -1, 0], [-1, 0, 0]),
}


@each_case
def test_the_plane_runs_as_the_patient_orientation_of_the_source(run, case):
    shared = read(run, case, "parametric-map").SharedFunctionalGroupsSequence[0]
    plane = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    np.testing.assert_allclose(plane.reshape(2, 3), DIRECTIONS[case.name], atol=1e-6)


@each_case
def test_the_overlay_shows_the_breast_with_the_mark_and_no_film_label(run, case):
    picture = read(run, case, "overlay").pixel_array
    source = source_of(run, case)
    assert picture.shape == (source.Rows, source.Columns, 3)
    row, col = case.mark
    red, green, _ = picture[row, col].astype(int)
    assert red > 150 and red > green - 30, "the hot end of the scale"
    label = film_label(case, source.Columns)
    whole = pydicom.dcmread(run.root.parent / f"{case.name}.dcm").pixel_array
    assert (whole[label] > 3000).all() and not picture[label].any()


def test_the_overlay_of_a_large_source_has_squares_of_its_pixels(run, monkeypatch):
    monkeypatch.setattr(secondary_capture, "LONGEST_PX", 200)
    case = BY_NAME["right"]
    items = exported_run._items(run, identified=False)
    item = next(each for each in items if each.image["image_id"] == case.name)
    source = read_source(item.mammogram, item.file, identified=False)
    made = exported_run._objects(item, source)["overlay"]
    assert (made.Rows, made.Columns) == (200, 150)
    assert [float(side) for side in made.PixelSpacing] == [1.2, 1.2]
    picture = made.pixel_array[case.mark[0] // 3, case.mark[1] // 3].astype(int)
    assert picture[0] > 150


@each_case
def test_the_report_says_what_the_tables_say(run, case):
    report = highdicom.sr.srread(place(run, case, "report"))
    groups = report.content.get_planar_roi_measurement_groups()
    table = rows_of(run, case)
    segments = read(run, case, "segmentation")
    assert len(groups) == len(table)
    for group, row, segment in zip(
        groups, table.itertuples(), segments.SegmentSequence, strict=True
    ):
        found = [(m.name.meaning, m.value) for m in group.get_measurements()]
        assert found == [
            ("Probability", pytest.approx(row.peak_probability)),
            ("Probability", pytest.approx(row.mean_probability)),
            ("Score (attribute)", pytest.approx(row.score)),
            ("Area", pytest.approx(row.area_mm2)),
        ]
        assert group.tracking_uid == segment.TrackingUID
        assert group.tracking_identifier == segment.TrackingID
        pointer = group.referenced_segmentation_frame[0].ReferencedSOPSequence[0]
        assert pointer.ReferencedSOPInstanceUID == segments.SOPInstanceUID
        assert pointer.ReferencedFrameNumber == row.rank
        shared = segments.SharedFunctionalGroupsSequence[0]  # it is there where there is but one
        own = segments.PerFrameFunctionalGroupsSequence[pointer.ReferencedFrameNumber - 1]
        of = shared if "SegmentIdentificationSequence" in shared else own
        number = of.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert number == row.rank == segment.SegmentNumber
    (whole,) = report.content.get_image_measurement_groups()
    images = pd.read_csv(run.images).set_index("image_id")
    probability = whole.get_measurements()[0].value
    assert probability == pytest.approx(images.loc[case.name, "probability"])
    content = place(run, case, "report").read_bytes()
    assert b"0" * 64 in content and b"c0ffee" in content, "the model's checksum and its code"
    assert report.VerificationFlag == "UNVERIFIED"


@each_case
@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_refer_to_the_source_and_say_that_they_are_for_research(run, case, kind):
    written, source = read(run, case, kind), source_of(run, case)
    for keyword in ("StudyInstanceUID", "PatientID"):
        assert written[keyword].value == source[keyword].value
    if kind in ("segmentation", "overlay") and not case.film:
        assert written.LossyImageCompression == "01", "the source was compressed with loss"
    assert written.SeriesInstanceUID != source.SeriesInstanceUID
    assert any(element.value == source.SOPInstanceUID for element in written.iterall())
    assert written.SeriesDescription.startswith("RESEARCH USE ONLY")
    if kind != "report":
        assert written.ImageType[0] == "DERIVED"


@each_case
@pytest.mark.parametrize("kind", OBJECTS)
def test_dciodvfy_reports_no_error(run, case, kind):
    kinds = dict(
        zip(OBJECTS, ("ParametricMap", "Segmentation", "SCImage", "ComprehensiveSR"), strict=True)
    )
    assert verdict(place(run, case, kind)) == (kinds[kind], [])


@each_case
@pytest.mark.parametrize("kind", OBJECTS)
def test_dicom_validator_reports_no_error(run, case, kind):
    assert dicom_validator.errors(place(run, case, kind)) == []


def test_nothing_identifies_the_patient_beyond_the_links_to_the_study(run):
    for path in run.dicom.rglob("*.dcm"):
        content = path.read_bytes()
        assert [word for word in SECRETS.values() if word.encode() in content] == []


@pytest.mark.parametrize(
    ("keyword", "kind", "value", "plain"),
    [
        ("PatientOrientation", "CS", ["A", "FR"], True),
        ("PatientOrientation", "CS", ["A", "MILLER"], False),
        ("LossyImageCompressionMethod", "CS", "ISO_15444_1", True),
        ("LossyImageCompressionMethod", "CS", "MILLER", False),
        ("LossyImageCompressionRatio", "LO", ["8", "9.5"], True),
        ("LossyImageCompressionRatio", "LO", "MILLER", False),
        ("PatientIdentityRemoved", "CS", "BY MILLER", False),
        ("Modality", "CS", "MILLER", False),
        ("PatientID", "LO", "MILLER", True),
    ],
)
def test_words_that_are_not_the_standards_are_left_out(keyword, kind, value, plain):
    assert _is_plain(DataElement(keyword, kind, value)) == plain


def test_what_identifies_is_kept_when_it_is_asked_for(run):
    item = next(exported_run._items(run, identified=True))
    source = read_source(item.mammogram, item.file, identified=True)
    for name, made in exported_run._objects(item, source).items():
        assert str(made.PatientName) == "Doe^Jane", name
        assert str(made.StudyDate) == "20210304" and made.AccessionNumber == "ACC-4711"
        assert "InstitutionName" not in made, "the equipment is not the hospital's"


def test_the_same_export_is_the_same_bytes_and_another_map_other_objects(run):
    item = next(exported_run._items(run, identified=False))
    source = read_source(item.mammogram, item.file, identified=False)
    for name, made in exported_run._objects(item, source).items():
        path = run.root / "again.dcm"
        made.save_as(path, enforce_file_format=True)
        there = run.dicom / item.mammogram["image_id"] / f"{name}.dcm"
        assert path.read_bytes() == there.read_bytes(), name
    other = exported_run._origin(replace(item, made_at=item.made_at + 60), source, map_sha256="0")
    same = exported_run._origin(item, source, map_sha256="0")
    again = exported_run._origin(item, source, map_sha256="0")
    assert other.uid("map") != same.uid("map") == again.uid("map")


def left_out(run, tmp_path, change) -> str:
    """Why the mammogram `left` is left out after a change of its file."""
    mammograms = read_mammograms(run).set_index("image_id", drop=False)
    row = mammograms.loc["left"].to_dict()
    path = Path(shutil.copy(row["file"], tmp_path))
    change(path)
    with pytest.raises(Unusable) as error:
        read_source(row, path, identified=False)
    return error.value.reason


def test_a_source_that_is_gone_or_another_one_is_left_out(run, tmp_path):
    assert "is missing" in left_out(run, tmp_path, Path.unlink)

    def replaced(path):
        shutil.copy(write_source(tmp_path, BY_NAME["right"]), path)

    assert "not the file that was mapped" in left_out(run, tmp_path, replaced)


def test_a_pseudonym_leads_to_the_source_and_stays_in_messages(run, tmp_path):
    other = RunFolder(tmp_path / "other")
    shutil.copytree(run.root, other.root)
    mammograms, pseudonyms = read_mammograms(other), Pseudonyms()
    files = [Path(file) for file in mammograms["file"]]
    write_mammograms(
        other, mammograms.assign(file=[pseudonyms.of("path", str(file)) for file in files])
    )
    pseudonyms.keep()
    items = list(exported_run._items(other, identified=False))
    assert [item.file for item in items] == files
    with pytest.raises(Unusable, match=r"private:[a-z0-9]+ is missing"):
        read_source(items[0].mammogram, tmp_path / "nowhere", identified=False)


def test_a_run_without_maps_or_with_another_model_says_what_to_do(run, tmp_path):
    with pytest.raises(UserError, match="has no maps yet"):
        export_dicom(RunFolder(tmp_path))
    summary = json.loads(run.heatmap_summary.read_text())
    other = RunFolder(shutil.copytree(run.root, tmp_path / "other"))
    other.heatmap_summary.write_text(json.dumps(summary | {"model_sha256": "1" * 64}))
    with pytest.raises(UserError, match="of another model"):
        export_dicom(other)


def test_where_nothing_can_be_exported_the_objects_of_before_stay(run, monkeypatch):
    before = sorted(run.dicom.rglob("*.dcm"))
    gone = Unusable("skipped", "gone")
    monkeypatch.setattr(exported_run, "_export", lambda item: gone)
    with pytest.raises(UserError, match="left: left out: gone"):
        export_dicom(run)
    assert sorted(run.dicom.rglob("*.dcm")) == before
