"""The store of standardised mammograms, shared by all runs.

An entry is three files beside each other, `STORE` being their path without suffix:

    STORE.b2nd         (H, W) uint16, Blosc2 (bitshuffle and LZ4) in chunks of 512 x 512, which
                         are read by blocks of 64 x 64
    STORE.breast.png   (ceil(H/8), ceil(W/8)) 8 bit, 255 in the breast; a cell covers 8 x 8 pixels
    STORE.json         geometry, origin and what decides whether the file is used; written last,
                       so an entry without it does not exist

The key of an entry is a hash of everything that its content depends on, so entries are never
changed, and two runs that write the same entry at once write the same bytes. STORE.json holds the
checksums of the other two and its own, which are compared when a process first reads an entry: a
flipped bit of compressed pixels would else give other pixels without a word.
"""

import functools
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.config import DicomSettings, ImageSettings
from pipeline.config.effort import EFFORT_SETTINGS
from pipeline.run.atomic import write_atomic, write_json
from pipeline.run.checksum import file_sha256, value_sha256
from pipeline.run.errors import UserError
from pipeline.run.object_path import drop_copy, kept_copy, place

# Raise it when reading, the search for the breast or standardise.py give other pixels for the
# same settings, or STORE.json says other things.
STORE_FORMAT = 11
BREAST_CELL_PX = 8
WHITE = 65535  # the brightest stored grey value
CHUNK_PX, BLOCK_PX = 512, 64  # a chunk is written at once, of a block all is read

# They decide whether a file is used, which is asked of STORE.json, and never change a pixel.
_SELECTION_SETTINGS = {
    *("modalities", "views", "for_processing", "max_megapixels", "doubtful_breast"),
}


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
    """Whether the entry is there, be it damaged."""
    return all(part.is_file() for part in entry_files(store))


def damage(store: str | Path, parts: Sequence[str] = ("image", "breast")) -> str:
    """What is wrong with an entry; empty where these parts and STORE.json are as written."""
    files = dict(zip(("image", "breast"), entry_files(store), strict=False))
    info_file = entry_files(store)[2]
    try:
        info = _content(store)
        sums = info.pop("sha256")
        wanted = [(files[part], sums[part]) for part in parts]
        whole = value_sha256(info) == sums["info"]
        wrong = [path for path, sha256 in wanted if file_sha256(kept_copy(path)) != sha256]
    except FileNotFoundError as error:
        return f"{error.filename} is missing"
    except (ValueError, KeyError, TypeError, AttributeError):
        whole, wrong = False, []
    wrong += [] if whole else [info_file]
    for path in wrong:
        drop_copy(path)
    return f"{wrong[0]} is not as it was written" if wrong else ""


@functools.cache
def _checked(store: str, part: str) -> Path:
    """The file of a part, compared with its checksum when this process first asks for it."""
    if found := damage(store, [part]):
        raise UserError(f"{found}. make preprocess FORCE=1 makes it anew from the file itself.")
    return kept_copy(entry_files(store)[0 if part == "image" else 1])


def read_info(store: str | Path) -> dict:
    """What STORE.json says of the file, without the checksums."""
    info = _content(store)
    del info["sha256"]
    return info


def _content(store: str | Path) -> dict:
    return json.loads(kept_copy(entry_files(store)[2]).read_text(encoding="utf-8"))


def write_entry(store: str | Path, *, image: np.ndarray, breast: np.ndarray, info: dict) -> None:
    """Write an entry atomically; `info` must be JSON without NaN.

    Args:
        image: (H, W) uint16.
        breast: (ceil(H/8), ceil(W/8)) bool.
    """
    import blosc2  # takes a second

    image_file, breast_file, info_file = entry_files(store)
    compression = blosc2.CParams(
        codec=blosc2.Codec.LZ4, clevel=5, filters=[blosc2.Filter.BITSHUFFLE], nthreads=1
    )
    layout = {
        name: tuple(min(side, size) for size in image.shape)
        for name, side in (("chunks", CHUNK_PX), ("blocks", BLOCK_PX))
    }

    def write_image(file: Path) -> None:
        array = np.ascontiguousarray(image)
        blosc2.asarray(array, urlpath=str(file), cparams=compression, **layout)

    write_atomic(image_file, write_image)
    write_mask(breast_file, breast)
    sums = {"image": file_sha256(image_file), "breast": file_sha256(breast_file)}
    write_json(info_file, {**info, "sha256": {**sums, "info": value_sha256(info)}})


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write a mask, (h, w) bool, atomically as a PNG of 0 and 255."""
    png = cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes()
    write_atomic(path, lambda file: file.write_bytes(png))


def read_image(
    store: str | Path, rows: slice | None = None, cols: slice | None = None
) -> np.ndarray:
    """Read an image, or a crop of it from the chunks that it touches: (h, w) uint16.

    Raises:
        UserError: the entry is damaged or missing.
    """
    import blosc2  # takes a second

    array = blosc2.open(str(_checked(str(store), "image")), mode="r", dparams={"nthreads": 1})
    return array[rows or slice(None), cols or slice(None)]


def network_input(pixels: np.ndarray) -> np.ndarray:
    """Stored grey values as networks see them and pictures show them: float32 in [0, 1].

    The one conversion there is: a division gives other last bits.
    """
    return pixels.astype(np.float32) * np.float32(1 / WHITE)


def read_breast(store: str | Path) -> np.ndarray:
    """Read the breast mask: (ceil(H/8), ceil(W/8)) bool.

    Raises:
        UserError: the entry is damaged or missing.
    """
    png = _checked(str(store), "breast").read_bytes()
    mask = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert mask is not None, "its checksum is that of a picture"
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
    return place(f"{store}.b2nd"), place(f"{store}.breast.png"), place(f"{store}.json")
