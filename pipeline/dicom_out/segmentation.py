"""The regions of a mammogram as a BINARY Segmentation in the pixels of the mammogram.

Without a frame of reference a segmentation has the rows and columns of its source, and each pixel
lies on that of the source (PS3.3 A.51.5.1). A segment for each region, numbered by rank.
"""

import highdicom
import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.sr.codedict import codes

from pipeline.dicom_out.detector_plane import THICKNESS_MM, patient_orientation
from pipeline.dicom_out.object_origin import RESEARCH_USE, Origin
from pipeline.heatmap.regions import Regions, cells_of_pixels
from pipeline.model.image_map import ImageMap


def segmentation(
    image_map: ImageMap,
    regions: Regions,
    origin: Origin,
    *,
    names: list[str],
    laterality: str,
    spacing_mm: float,
) -> Segmentation:
    """The regions of a map, of which there is one at least.

    Args:
        names: of the regions, for people, by rank.
        laterality: L, R or "".
        spacing_mm: of the pixels of the mammogram.
    """
    source = origin.source
    rows, cols = (
        cells_of_pixels(axis, size)
        for axis, size in ((image_map.rows, source.Rows), (image_map.cols, source.Columns))
    )
    # One more for pixels outside the map, whose number is -1.
    ranks = np.pad(regions.areas, ((0, 1), (0, 1)))[np.ix_(rows, cols)]
    made = Segmentation(
        [source],
        ranks.astype(np.uint16),
        segmentation_type="BINARY",
        segment_descriptions=[
            SegmentDescription(
                segment_number=rank,
                segment_label=name,
                segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
                segmented_property_type=codes.NCIt.Abnormality,
                algorithm_type="AUTOMATIC",
                algorithm_identification=origin.of_segments,
                tracking_uid=origin.uid("region", str(rank)),
                tracking_id=name,
                anatomic_regions=[codes.SCT.Breast],
            )
            for rank, name in enumerate(names, start=1)
        ],
        omit_empty_frames=False,
        content_label="REGIONS",
        content_description=f"{RESEARCH_USE}: regions above the threshold",
        content_qualification="RESEARCH",
        **origin.instance("segmentation"),
        **origin.equipment,
    )
    _lay_flat(made, spacing_mm)
    made.PatientOrientation = patient_orientation(source)
    if laterality:
        made.ImageLaterality = laterality
    origin.settle(made)
    return made


def _lay_flat(made: Segmentation, spacing_mm: float) -> None:
    """Give the pixels a size and a place in the plane of the mammogram.

    OHIF and dcmqi, by which 3D Slicer reads, fail without, and take a mammogram to lie like this.
    It is no place in the patient: there is no frame of reference.
    """
    shared = made.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence = highdicom.PixelMeasuresSequence([spacing_mm] * 2, THICKNESS_MM)
    along_row_and_column = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    shared.PlaneOrientationSequence = highdicom.PlaneOrientationSequence(
        "PATIENT", along_row_and_column
    )
    for frame in made.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence = highdicom.PlanePositionSequence("PATIENT", [0.0, 0.0, 0.0])
