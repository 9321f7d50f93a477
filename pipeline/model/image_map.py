"""From an entry of the store to its probability map: the one way, for every use of a model.

Training validates and mines with it, the heatmap stage and the studies make their maps with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.annotations.geometry import geometry_of
from pipeline.model.calibration import Calibration
from pipeline.model.map_grid import finish_map, finite_positions
from pipeline.model.map_rule import MapRule
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.store.entries import network_input, read_breast, read_image
from pipeline.run.atomic import write_atomic

if TYPE_CHECKING:
    from models.network import PatchNetwork


class Mapper(Protocol):
    """What turns an image into logits at the positions of a rule."""

    @property
    def stride_px(self) -> int:
        """The smallest distance between positions; every pitch is a multiple of it."""

    def __call__(self, image: np.ndarray, rule: MapRule) -> tuple[np.ndarray, np.ndarray | None]:
        """Logits, and their standard deviation over copies where that is known.

        Args:
            image: (H, W) float32 in [0, 1].

        Returns:
            float32 (h, w) each, the mean over the copies of `rule`; not smoothed.
        """


@dataclass(frozen=True)
class NetworkMapper:
    """A network as a Mapper."""

    network: "PatchNetwork"
    tile_px: int = 2048  # larger images are computed in tiles of this size
    # also give the standard deviation over mirrored and enlarged copies and members of an ensemble;
    # then each member is mapped by itself
    with_spread: bool = False

    @property
    def stride_px(self) -> int:
        return self.network.stride_px

    def __call__(self, image: np.ndarray, rule: MapRule) -> tuple[np.ndarray, np.ndarray | None]:
        # TensorFlow: only when there is something to compute
        from models import dense

        options: dict[str, Any] = {
            "pitch_px": rule.pitch_px,
            "tile_px": self.tile_px,
            "flips": rule.flips,
            "zooms": rule.zooms,
        }
        if self.with_spread:
            return dense.logit_map_with_spread(self.network, image, **options)
        return dense.logit_map(self.network, image, **options), None


@dataclass(frozen=True)
class ImageMap:
    """The map of one mammogram."""

    logit: np.ndarray  # (h, w) float32, before the calibration, NaN away from the breast
    probability: np.ndarray  # (h, w) float32, calibrated, NaN away from the breast
    # rows, cols: (h,) and (w,) float64, centres of the positions in 0-based pixels of the original
    # image; `cols` falls where the mammogram was mirrored
    rows: np.ndarray
    cols: np.ndarray
    # (h, w) float32, standard deviation of the calibrated logit over mirrored and enlarged copies
    # and members of an ensemble, NaN away from the breast; None with one copy
    spread: np.ndarray | None = None

    def calibrated(self, calibration: Calibration) -> "ImageMap":
        """The same logits with the probabilities of another prior."""
        return replace(self, probability=calibration.probability(self.logit))

    def within(self, inside: np.ndarray) -> "ImageMap":
        """The same map, NaN where `inside`, (h, w) bool, is not."""
        logit, probability = (np.where(inside, x, np.nan) for x in (self.logit, self.probability))
        return replace(self, logit=logit, probability=probability)


def map_entry(
    store: str | Path, mapper: Mapper, rule: MapRule
) -> tuple[np.ndarray, np.ndarray | None]:
    """Map a mammogram of the store: standard pixels, before the calibration.

    Returns:
        Logits and their standard deviation over copies, (h, w) float32 each, NaN away from the
        breast; the latter None where the mapper gives none.
    """
    image, breast = read_image(store), read_breast(store)
    logit, spread = mapper(network_input(image), rule)
    height, width = image.shape
    finite = finite_positions(breast, height=height, width=width, pitch_px=rule.pitch_px)
    if spread is not None:
        spread = np.where(finite, spread, np.nan).astype(np.float32)
    return finish_map(logit, finite, rule), spread


def map_mammogram(
    mammogram: Mapping[str, Any], mapper: Mapper, rule: MapRule, calibration: Calibration
) -> ImageMap:
    """Map a mammogram of the store: probabilities, in original pixels.

    Args:
        mammogram: row of mammograms.csv.
    """
    logit, spread = map_entry(mammogram["store"], mapper, rule)
    rows, cols = original_axes(mammogram, pitch_px=rule.pitch_px)
    if spread is not None:
        spread = spread * calibration.slope(logit)  # to first order
    return ImageMap(logit, calibration.probability(logit), rows, cols, spread)


def original_axes(mammogram: Mapping[str, Any], *, pitch_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows (h,) and columns (w,) of the positions in original pixels, float64."""
    geometry = geometry_of(mammogram)
    return geometry.to_original(*position_grid(geometry.height, geometry.width, pitch_px))


def write_map(path: Path, image_map: ImageMap, *, key: str) -> None:
    """Write a map atomically; `key` says what its logits were computed from."""
    arrays: dict[str, Any] = {
        "probability": image_map.probability,
        "logit": image_map.logit,
        "rows": image_map.rows,
        "cols": image_map.cols,
        "key": np.array(key),
    }
    if image_map.spread is not None:
        arrays["spread"] = image_map.spread
    write_atomic(path, lambda temporary: np.savez_compressed(temporary, **arrays))


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
