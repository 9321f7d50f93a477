"""From a standardised mammogram to its map, and the file of a map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.annotations.geometry import geometry_of
from pipeline.model.calibration import Calibration
from pipeline.model.map_grid import finish_map, finite_positions
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.store.entries import network_input, read_breast, read_image
from pipeline.run.atomic import write_atomic


@dataclass(frozen=True)
class ImageMap:
    """The map of one mammogram.

    Attributes:
        logit: (h, w) float32, before the calibration, NaN away from the breast.
        probability: (h, w) float32, calibrated, NaN away from the breast.
        spread: (h, w) float32, standard deviation of the calibrated logit over mirrored and
            enlarged copies and members of an ensemble, NaN away from the breast; None with one
            copy.
        rows, cols: (h,) and (w,) float64, centres of the positions in 0-based pixels of the
            original image; `cols` falls where the mammogram was mirrored.
    """

    logit: np.ndarray
    probability: np.ndarray
    rows: np.ndarray
    cols: np.ndarray
    spread: np.ndarray | None = None


def map_image(
    network,
    calibration: Calibration,
    mammogram: Mapping,
    *,
    pitch_px: int,
    tile_px: int = 2048,
    flips: int = 1,
    zooms: Sequence[float] = (1.0,),
    smooth_cells: float = 0.0,
    level_share: float = 0.0,
    level: float = 0.0,
) -> ImageMap:
    """Map a mammogram of the store.

    Args:
        network: keras model of models.network.
        mammogram: row of mammograms.csv.
        pitch_px: distance between positions, in standard pixels.
        tile_px: larger images are computed in tiles of this size.
        flips: mean logit over so many mirrored copies.
        zooms: and over copies enlarged by so much.
        smooth_cells, level_share, level: see `finish_map`.
    """
    # TensorFlow: only when there is something to compute
    from models.dense import logit_map_with_spread

    image = read_image(mammogram["store"])
    logit, spread = logit_map_with_spread(
        network,
        network_input(image),
        pitch_px=pitch_px,
        tile_px=tile_px,
        flips=flips,
        zooms=zooms,
    )
    height, width = image.shape
    finite = finite_positions(
        read_breast(mammogram["store"]), height=height, width=width, pitch_px=pitch_px
    )
    logit = finish_map(
        logit, finite, smooth_cells=smooth_cells, level_share=level_share, level=level
    )
    logit = np.where(finite, logit, np.nan).astype(np.float32)
    rows, cols = original_axes(mammogram, pitch_px=pitch_px)
    if spread is not None:
        spread = np.where(finite, spread / calibration.temperature, np.nan).astype(np.float32)
    return ImageMap(logit, calibration.probability(logit), rows, cols, spread)


def original_axes(mammogram: Mapping, *, pitch_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (h,) and columns (w,) of the positions in original pixels, float64."""
    geometry = geometry_of(mammogram)
    rows, cols = position_grid(geometry.height, geometry.width, pitch_px)
    original_rows, _ = geometry.to_original(rows, np.zeros_like(rows))
    _, original_cols = geometry.to_original(np.zeros_like(cols), cols)
    return original_rows, original_cols


def write_map(path: Path, image_map: ImageMap, *, key: str) -> None:
    """Write a map atomically; `key` says what it was computed from."""

    def write(temporary: Path) -> None:
        np.savez_compressed(
            temporary,
            probability=image_map.probability,
            logit=image_map.logit,
            rows=image_map.rows,
            cols=image_map.cols,
            key=np.array(key),
            **({} if image_map.spread is None else {"spread": image_map.spread}),
        )

    write_atomic(path, write)


def read_map(path: Path) -> ImageMap:
    """Read a map."""
    with np.load(path) as file:
        spread = file.get("spread")
        return ImageMap(file["logit"], file["probability"], file["rows"], file["cols"], spread)


def map_key(path: Path) -> str:
    """What a map was computed from; empty when there is no map."""
    if not path.is_file():
        return ""
    with np.load(path) as file:
        return str(file["key"])
