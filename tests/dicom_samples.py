"""Small DICOM files for tests."""

import io
import struct
from pathlib import Path
from zlib import crc32

import numpy as np
from pydicom.config import IGNORE, disable_value_validation
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from pipeline.dicom.file_format import PixelElement

MAMMOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.2"


def mammogram_dataset(pixels: np.ndarray, **values) -> Dataset:
    """A data set with uncompressed pixels; `values` replace attributes, None removes one."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = MAMMOGRAPHY
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "2.25.1"
    dataset.PatientID = "w1"
    woman = values.get("PatientID", "w1")  # no two have a study together
    dataset.StudyInstanceUID = f"2.25.{crc32(str(woman).encode())}"
    dataset.Modality = "MG"
    dataset.ImageLaterality = "L"
    dataset.ViewPosition = "CC"
    dataset.ImagerPixelSpacing = [0.1, 0.1]
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.SamplesPerPixel = 1
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = dataset.BitsAllocated
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    with disable_value_validation():  # wrong values are what the tests are about
        for keyword, value in values.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
    if "HighBit" not in dataset:
        dataset.HighBit = dataset.BitsStored - 1
    if "PixelData" not in dataset:
        dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return dataset


def write_mammogram(
    path: Path, pixels: np.ndarray | None = None, *, syntax=ExplicitVRLittleEndian, **values
) -> Path:
    """Write such a data set as a DICOM file, by default with pixels of its own."""
    if pixels is None:
        pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
        name = f"{path.parent.name}/{path.name}".encode()
        np.random.default_rng(list(name)).shuffle(pixels[-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset = mammogram_dataset(pixels, **values)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_as(path: Path, keyword: str, text: str, vr: str, **values) -> Path:
    """Write a DICOM file in which one element is exactly this text under this VR."""
    tag = tag_for_keyword(keyword)
    value = text.encode() if vr == "OB" else text
    dataset = mammogram_dataset(np.arange(64, dtype=np.uint16).reshape(8, 8), **values)
    dataset[tag] = DataElement(tag, "LT" if vr == "DS" else vr, value, validation_mode=IGNORE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with disable_value_validation():
        dataset.save_as(path, enforce_file_format=True)
    if vr == "DS":  # pydicom writes no wrong ones
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        content = path.read_bytes()
        assert content.count(head + b"LT") == 1
        path.write_bytes(content.replace(head + b"LT", head + b"DS"))
    return path


def pixel_element(dataset: Dataset) -> PixelElement:
    """The pixels of a data set in memory, as those of an open file."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    return PixelElement(
        stream=io.BytesIO(dataset.PixelData),
        keyword="PixelData",
        vr=dataset["PixelData"].VR,
        start=0,
        length=None if dataset.PixelData[:4] == b"\xfe\xff\x00\xe0" else len(dataset.PixelData),
        little_endian=syntax != ExplicitVRBigEndian,
    )


def lut(entries, *, first: int, bits: int, explanation: str | None = None) -> list[Dataset]:
    """A LUT sequence of one item."""
    item = Dataset()
    if explanation:
        item.LUTExplanation = explanation
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = entries
    return [item]
