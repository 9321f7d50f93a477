"""The heatmap over its mammogram as a Secondary Capture, for viewers that know nothing else.

It shows the breast alone: black beyond it, where film labels may name the patient. Its pixels are
squares of whole pixels of the mammogram.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from highdicom.sc import SCImage
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import RLELossless

from pipeline.annotations.geometry import geometry_of
from pipeline.dicom_out.detector_plane import patient_orientation
from pipeline.dicom_out.object_origin import RESEARCH_USE, Origin
from pipeline.dicom_out.source_image import LOSSY
from pipeline.drawing import marks
from pipeline.drawing.field import Field, field_of, grey_picture, on_picture
from pipeline.drawing.sheet import Panel, Sheet
from pipeline.heatmap.pictures.map_pictures import Caption
from pipeline.heatmap.pictures.region_marks import draw_regions
from pipeline.heatmap.regions import Regions
from pipeline.model.image_map import ImageMap
from pipeline.pages.colours import TEXT, WARNING, ProbabilityScale
from pipeline.preprocess.store.entries import read_breast, read_image
from pipeline.run.words import percent

LONGEST_PX = 1600
BAR_ROOM_PX = 90  # of the scale with its words


def secondary_capture(
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    regions: Regions,
    caption: Caption,
    origin: Origin,
) -> SCImage:
    """The picture and where it comes from."""
    source = origin.source
    step = -(-max(source.Rows, source.Columns) // LONGEST_PX)
    made = SCImage.from_ref_dataset(
        source,
        draw(mammogram, image_map, regions, caption, step=step),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("A", "F"),  # replaced below by that of the source
        pixel_spacing=(round(step * float(mammogram["original_spacing_mm"]), 6),) * 2,
        transfer_syntax_uid=RLELossless,
        **origin.instance("overlay"),
    )
    made.PatientOrientation = patient_orientation(source)
    if mammogram["laterality"]:
        made.ImageLaterality = mammogram["laterality"]
    made.BurnedInAnnotation = "NO"  # the words identify nobody
    made.RecognizableVisualFeatures = "NO"
    for name in LOSSY:
        if source.get(name):
            made[name] = source[name]
    made.setdefault("LossyImageCompression", "00")
    made.DerivationDescription = f"{RESEARCH_USE}: heatmap of probability over the mammogram"
    made.ImageComments = f"{RESEARCH_USE}. Not for diagnosis."
    made.SourceImageSequence = [_reference(source)]
    origin.settle(made)
    return made


def draw(
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    regions: Regions,
    caption: Caption,
    *,
    step: int,
) -> np.ndarray:
    """The picture in the frame of the original image.

    Args:
        step: so many original pixels are one of the picture, each way.

    Returns:
        (ceil(rows / step), ceil(columns / step), 3) uint8.
    """
    geometry = geometry_of(mammogram)
    box = field_of(geometry)
    rows = -(-geometry.original_height // step)
    cols = -(-geometry.original_width // step)
    whole = Field(-0.5, rows * step - 0.5, -0.5, cols * step - 0.5)
    sides = box.bottom - box.top, box.right - box.left
    shape = max(1, round(sides[0] / step)), max(1, round(sides[1] / step))
    store = mammogram["store"]
    grey = grey_picture(read_image(store), read_breast(store), shape, flipped=geometry.flipped)
    scale = ProbabilityScale(low=caption.prior)
    share = on_picture(scale.share(image_map.probability), image_map, box, shape)
    sheet = Sheet(np.zeros((rows, cols, 3), np.uint8))
    top, left = (round((edge + 0.5) / step) for edge in (box.top, box.left))
    height, width = (
        min(size, room) for size, room in zip(shape, (rows - top, cols - left), strict=True)
    )
    sheet.show(Panel(box, left, top, height, width), scale.blend(grey, share)[:height, :width])
    panel = Panel(whole, 0, 0, rows, cols)
    draw_regions(
        sheet,
        panel,
        image_map,
        regions,
        label=lambda region: f"{region.rank}: {percent(region.peak_probability, caption.highest)}",
    )
    at_left = geometry.flipped  # the air
    spacing_mm = float(mammogram["original_spacing_mm"])
    marks.draw_scale_bar(sheet, panel, spacing_mm=spacing_mm, at_left=at_left)
    bar_left = round(0.08 * cols) if at_left else min(round(0.88 * cols), cols - BAR_ROOM_PX)
    bar_top = round(0.3 * rows)
    marks.draw_bar(
        sheet, scale, left=bar_left, top=bar_top, height=round(0.4 * rows), mark=caption.threshold
    )
    lines = [RESEARCH_USE, "not for diagnosis"]
    if mammogram["dataset"] == "phantom":
        lines.append("SYNTHETIC")
    x, anchor = (0.02 * cols, "lt") if at_left else (0.98 * cols, "rt")
    for number, line in enumerate(lines):
        sheet.write(
            line,
            (x, (0.02 + 0.03 * number) * rows),
            colour=TEXT if number == 1 else WARNING,
            size=18,
            anchor=anchor,
            bold=True,
            edge=marks.DARK,
        )
    return sheet.with_words()


def _reference(source: Dataset) -> Dataset:
    """An item of Source Image Sequence."""
    item = Dataset()
    item.ReferencedSOPClassUID = source.SOPClassUID
    item.ReferencedSOPInstanceUID = source.SOPInstanceUID
    purpose, code = Dataset(), codes.DCM.SourceImageForImageProcessingOperation
    purpose.CodeValue, purpose.CodingSchemeDesignator = code.value, code.scheme_designator
    purpose.CodeMeaning = code.meaning
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item
