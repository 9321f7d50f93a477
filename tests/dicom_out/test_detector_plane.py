"""How the plane of a mammogram lies in the patient, and where nobody knows."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from pipeline.dicom_out.detector_plane import detector_plane

ROW = {"laterality": "R", "view": "MLO", "flipped": True, "original_spacing_mm": 0.1}


def plane(orientation, **changed):
    source = Dataset()
    source.PatientOrientation = orientation
    return detector_plane(source, ROW | changed)


def test_a_film_without_orientation_hangs_as_usual_by_side_view_and_chest_wall():
    right = plane("")
    np.testing.assert_allclose(right.along_row, [0, 1, 0])  # to the chest wall, on the right
    np.testing.assert_allclose(right.along_column, [0.5**0.5, 0, -(0.5**0.5)])
    np.testing.assert_allclose(plane("", flipped=False).along_row, [0, -1, 0])
    np.testing.assert_allclose(plane("", view="CC").along_column, [1, 0, 0])


@pytest.mark.parametrize("written", ["CC", ["P", "X"], ["P", "LR"], ["A"]])
def test_what_is_no_direction_counts_as_absent(written):
    np.testing.assert_allclose(plane(written).along_row, plane("").along_row)
    assert plane(written, laterality="") is None
    assert plane(written, view="") is None


def test_directions_are_made_perpendicular_and_parallel_ones_are_no_plane():
    oblique = plane(["AL", "FR"])
    assert abs(oblique.along_row @ oblique.along_column) < 1e-12
    assert np.linalg.norm(oblique.along_column) == pytest.approx(1)
    assert plane(["A", "P"]) is None
