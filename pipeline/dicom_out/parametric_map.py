"""A map as a Parametric Map: its probabilities as they are, position for position.

highdicom makes none of a mammogram as it is: without a position of the source in the patient it
leaves Dimension Index Values empty and then refuses its own object, and the standard wants a plane
(PS3.3 A.75.5). So it is given the detector's.
"""

import highdicom
import numpy as np
from highdicom.pm import ParametricMap, RealWorldValueMapping
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from pipeline.dicom_out.detector_plane import THICKNESS_MM, DetectorPlane
from pipeline.dicom_out.object_origin import RESEARCH_USE, Origin
from pipeline.model.image_map import ImageMap

OUTSIDE = -1.0  # Float Pixel Padding Value: away from the breast, where there is no probability


def parametric_map(
    image_map: ImageMap, origin: Origin, plane: DetectorPlane, *, laterality: str
) -> ParametricMap:
    """The probabilities of a map; rows and columns run as those of the mammogram do.

    Args:
        laterality: L, R or "".
    """
    turn = np.s_[:, ::-1] if image_map.cols[0] > image_map.cols[-1] else np.s_[:]
    values = np.nan_to_num(image_map.probability[turn], nan=OUTSIDE).astype(np.float32)
    source = _in_own_frame(origin, plane)
    first = plane.position(image_map.rows[0], image_map.cols.min())
    steps = [abs(axis[1] - axis[0]) * plane.spacing_mm for axis in (image_map.rows, image_map.cols)]
    made = ParametricMap(
        [source],
        values,
        real_world_value_mappings=[
            RealWorldValueMapping(
                lut_label="PROBABILITY",
                lut_explanation="Calibrated probability of some abnormality",
                unit=codes.UCUM.NoUnits,
                value_range=(0.0, 1.0),
                slope=1.0,
                intercept=0.0,
                quantity_definition=codes.DCM.Probability,
            )
        ],
        voi_lut_transformations=[highdicom.VOILUTTransformation(0.5, 1.0)],
        plane_positions=[highdicom.PlanePositionSequence("PATIENT", first)],
        pixel_measures=highdicom.PixelMeasuresSequence(steps, THICKNESS_MM),
        contains_recognizable_visual_features=False,
        content_label="PROBABILITY",
        content_description=f"{RESEARCH_USE}: probability of some abnormality",
        **origin.instance("map"),
        **origin.equipment,
    )
    made.FloatPixelPaddingValue = made.FloatPixelPaddingRangeLimit = OUTSIDE
    anatomy = Dataset()
    anatomy.AnatomicRegionSequence = [highdicom.sr.CodedConcept.from_code(codes.SCT.Breast)]
    anatomy.FrameLaterality = laterality or "U"
    made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy]
    origin.settle(made)
    return made


def _in_own_frame(origin: Origin, plane: DetectorPlane) -> Dataset:
    """The source as if it said where its pixels lie."""
    source = Dataset()
    source.update(origin.source)
    source.FrameOfReferenceUID = origin.uid("frame of reference")
    source.PositionReferenceIndicator = ""
    source.ImagePositionPatient = [0.0, 0.0, 0.0]
    source.ImageOrientationPatient = [*map(float, plane.along_row), *map(float, plane.along_column)]
    source.PixelSpacing = [plane.spacing_mm, plane.spacing_mm]
    source.SliceThickness = THICKNESS_MM
    return source
