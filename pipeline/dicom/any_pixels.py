"""Pixels of DICOM images that are no mammograms: masks and cuttings, of any depth and colour."""

from itertools import islice
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array
from pydicom.uid import UID

from pipeline.dicom.compressed_frame import FrameLayout, decode_frame
from pipeline.dicom.elements import count
from pipeline.dicom.file_format import PIXEL_KEYWORDS, read_dicom, transfer_syntax
from pipeline.dicom.header import sop_class


def read_any_pixels(path: Path, *, most_pixels: int) -> np.ndarray:
    """The stored values of a file for which `is_dicom` holds, as they are.

    Compressed frames are decoded as those of mammograms; others pydicom lays out.

    Args:
        most_pixels: a file that announces more of them in all its frames is not decoded.

    Returns:
        (H, W), or more axes where there are several frames or samples.

    Raises:
        One of DICOM_ERRORS: the file is damaged or too large.
    """
    header = read_dicom(path, header_only=True)
    sizes = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel")
    if np.prod([count(header, keyword) for keyword in sizes], dtype=float) > most_pixels:
        raise ValueError(f"it has more than {most_pixels:,} pixels")
    dataset = read_dicom(path, header_only=False, max_bytes=4 * most_pixels)
    if not any(keyword in dataset for keyword in PIXEL_KEYWORDS.values()):
        raise ValueError(f"there are no pixels in it ({UID(sop_class(dataset)).name})")
    syntax = transfer_syntax(dataset.file_meta)
    if not syntax.is_transfer_syntax:
        raise ValueError(f"its transfer syntax, {syntax or 'none'}, is not known")
    pixels = _decoded(dataset) if syntax.is_encapsulated else pixel_array(dataset, raw=True)
    if not pixels.size:
        raise ValueError("there are no pixels in it")
    return pixels


def _decoded(dataset: Dataset) -> np.ndarray:
    frames, samples = count(dataset, "NumberOfFrames"), count(dataset, "SamplesPerPixel")
    layout = FrameLayout(dataset.Rows, dataset.Columns, samples, dataset.BitsAllocated)
    encoded = islice(generate_frames(dataset.PixelData, number_of_frames=frames), frames)
    decoded = [decode_frame(frame, layout)[0] for frame in encoded]
    pixels = decoded[0] if frames == 1 else np.stack(decoded)
    kind = "i" if dataset.PixelRepresentation == 1 else "u"
    values = pixels.view(f"{kind}{pixels.itemsize}")
    unused = 8 * pixels.itemsize - dataset.BitsStored
    # The bits above the value are filled with its sign.
    return (values << unused) >> unused if unused > 0 else values
