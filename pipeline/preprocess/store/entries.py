"""The store of standardised mammograms, shared by all runs.

An entry is three files beside each other, `STORE` being their path without suffix:

    STORE.b2nd         (H, W) uint16, Blosc2 (bitshuffle and LZ4) in chunks of 512 x 512
    STORE.breast.png   (ceil(H/8), ceil(W/8)) 8 bit, 255 in the breast; a cell covers 8 x 8 pixels
    STORE.json         geometry, origin and what decides whether the file is used; written last,
                       so an entry without it does not exist

The key of an entry is a hash of everything that its content depends on, so entries are never
changed, and two runs that write the same entry at once write the same bytes.
"""

from pathlib import Path

import blosc2
import cv2
import numpy as np

from pipeline.config import DicomSettings, ImageSettings
from pipeline.config.effort import EFFORT_SETTINGS
from pipeline.run.atomic import write_atomic, write_json
from pipeline.run.checksum import value_sha256

# Raise it when reading, the search for the breast or standardise.py give other pixels for the
# same settings.
STORE_FORMAT = 5
BREAST_CELL_PX = 8
WHITE = 65535  # the brightest stored grey value
CHUNK_PX = 512

# They decide whether a file is used, which is asked of STORE.json, and never change a pixel.
_SELECTION_SETTINGS = {"modalities", "views", "for_processing", "max_megapixels"}


def entry_key(
    file_sha256: str, *, image: ImageSettings, dicom: DicomSettings, spacing_mm: float | None
) -> str:
    """Name of the entry of a file under these settings.

    Args:
        file_sha256: checksum of the DICOM file.
        spacing_mm: pixel spacing that the catalog or the settings know, in mm.
    """
    return value_sha256(
        {
            "format": STORE_FORMAT,
            "file": file_sha256,
            "image": image.model_dump(mode="json"),
            "dicom": dicom.model_dump(
                mode="json", exclude={*EFFORT_SETTINGS["dicom"], *_SELECTION_SETTINGS}
            ),
            "spacing_mm": spacing_mm,
        }
    )


def entry_path(root: Path, key: str) -> Path:
    """Path of an entry without suffix; the first two digits are a folder."""
    return root / key[:2] / key


def has_entry(store: str | Path) -> bool:
    """Whether the entry is whole."""
    return all(part.is_file() for part in entry_files(store))


def write_entry(store: str | Path, *, image: np.ndarray, breast: np.ndarray, info: dict) -> None:
    """Write an entry atomically; `info` must be JSON without NaN.

    Args:
        image: (H, W) uint16.
        breast: (ceil(H/8), ceil(W/8)) bool.
    """
    image_file, breast_file, info_file = entry_files(store)
    compression = blosc2.CParams(
        codec=blosc2.Codec.LZ4, clevel=5, filters=[blosc2.Filter.BITSHUFFLE], nthreads=1
    )
    chunks = tuple(min(CHUNK_PX, size) for size in image.shape)

    def write_image(file: Path) -> None:
        array = np.ascontiguousarray(image)
        blosc2.asarray(array, urlpath=str(file), chunks=chunks, cparams=compression)

    write_atomic(image_file, write_image)
    write_mask(breast_file, breast)
    write_json(info_file, info)


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write a mask, (h, w) bool, atomically as a PNG of 0 and 255."""
    png = cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes()
    write_atomic(path, lambda file: file.write_bytes(png))


def read_image(
    store: str | Path, rows: slice | None = None, cols: slice | None = None
) -> np.ndarray:
    """Read an image, or a crop of it from the chunks that it touches: (h, w) uint16."""
    array = blosc2.open(str(entry_files(store)[0]), mode="r", dparams={"nthreads": 1})
    return array[rows or slice(None), cols or slice(None)]


def network_input(pixels: np.ndarray) -> np.ndarray:
    """Stored grey values as networks see them and pictures show them: float32 in [0, 1].

    The one conversion there is: a division gives other last bits.
    """
    return pixels.astype(np.float32) * np.float32(1 / WHITE)


def read_breast(store: str | Path) -> np.ndarray:
    """Read the breast mask: (ceil(H/8), ceil(W/8)) bool.

    Raises:
        OSError: the file is missing or damaged.
    """
    path = entry_files(store)[1]
    mask = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise OSError(f"{path} is damaged. Delete it and run make preprocess FORCE=1.")
    return mask > 0


def breast_at(breast: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Whether points lie in the breast; False outside the mask.

    Args:
        breast: mask in cells of 8 x 8 pixels.
        rows, cols: pixel coordinates in the standard image, broadcast against each other.

    Returns:
        bool array of the broadcast shape.
    """
    cells = [
        np.floor((np.asarray(x) + 0.5) / BREAST_CELL_PX).astype(np.int64) for x in (rows, cols)
    ]
    (row, col), (height, width) = cells, breast.shape
    known = (row >= 0) & (row < height) & (col >= 0) & (col < width)
    return breast[row.clip(0, height - 1), col.clip(0, width - 1)] & known


def entry_files(store: str | Path) -> tuple[Path, Path, Path]:
    """The files of an entry: image, breast mask, information."""
    return Path(f"{store}.b2nd"), Path(f"{store}.breast.png"), Path(f"{store}.json")
