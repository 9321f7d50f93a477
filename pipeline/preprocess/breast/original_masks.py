"""RUN/breast/<image_id>.png: the breast of each mammogram that is used, in original pixels."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline.annotations.geometry import Geometry, geometry_of
from pipeline.preprocess.store.entries import BREAST_CELL_PX, read_breast, write_mask
from pipeline.run.atomic import write_json
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import default_workers
from pipeline.run.progress import Plan, shown

# Takes the steps between cells out of the outline; in cells.
_SMOOTH_CELLS = 0.8
BREASTS = "pictures of the breast"  # the part of a plan
# Above it a point lies in the breast.
LEAST_COVER = 127


def write_breasts(
    run: RunFolder,
    mammograms: pd.DataFrame,
    *,
    workers: int | None = None,
    plan: Plan | None = None,
) -> int:
    """Bring RUN/breast up to date: one PNG per mammogram, 8 bit, 0 and 255.

    A picture whose entry of the store is still the same stays as it is; one of an image that
    is no longer used goes. RUN/breast/entries.json says which entry each was made from.

    Args:
        mammograms: mammograms.csv.
        workers: threads; all cores if None.
        plan: of the whole work, whose part this is.

    Returns:
        How many were written.
    """
    wanted = dict(zip(mammograms["image_id"], mammograms["store"], strict=True))
    entries = run.breast_entries
    known = json.loads(entries.read_text(encoding="utf-8")) if entries.is_file() else {}
    for file in entries.parent.glob("*.png"):
        if file.stem not in wanted:
            file.unlink()
    stale = [
        row
        for row in mammograms.to_dict("records")
        if known.get(row["image_id"]) != row["store"] or not run.breast(row["image_id"]).is_file()
    ]
    if stale:
        # While pictures and list differ, the list does not know the pictures.
        kept = {i: store for i, store in known.items() if wanted.get(i) == store}
        write_json(entries, kept)
        with ThreadPoolExecutor(workers or default_workers()) as threads:
            done = threads.map(lambda row: _write(run.breast(row["image_id"]), row), stale)
            for _ in shown(done, len(stale), BREASTS, plan=plan):
                pass
    if known != wanted:
        write_json(entries, wanted)
    return len(stale)


def _write(path: Path, mammogram: dict) -> None:
    breast = original_breast(read_breast(mammogram["store"]), geometry_of(mammogram))
    write_mask(path, breast > 0)


def original_breast(breast: np.ndarray, geometry: Geometry) -> np.ndarray:
    """The breast mask, smoothly interpolated, in rows and columns of the original image.

    Args:
        breast: (ceil(H/8), ceil(W/8)) bool, cells of the standard image, as the store keeps it.
        geometry: how the standard image lies in the original one.

    Returns:
        (original_height, original_width) uint8, 255 in the breast and 0 elsewhere. Nothing
        lies outside the crop box.

    Raises:
        ValueError: the cells are not those of an image of this size.
    """
    expected = tuple(-(-size // BREAST_CELL_PX) for size in (geometry.height, geometry.width))
    if breast.shape != expected:
        raise ValueError(
            f"the breast mask must have {expected[0]} x {expected[1]} cells for an image of "
            f"{geometry.height} x {geometry.width} pixels, not {' x '.join(map(str, breast.shape))}"
        )
    picture = np.zeros((geometry.original_height, geometry.original_width), np.uint8)
    inside = picture[geometry.box]
    # Factors instead of a size keep the scale exact. The last cell may reach out of the box.
    smooth = cv2.resize(
        breast_cover(breast),
        None,
        fx=geometry.col_scale * BREAST_CELL_PX,
        fy=geometry.row_scale * BREAST_CELL_PX,
        interpolation=cv2.INTER_LINEAR,
    )[: inside.shape[0], : inside.shape[1]]
    smooth = cv2.threshold(smooth, LEAST_COVER, 255, cv2.THRESH_BINARY)[1]
    inside[:] = cv2.flip(smooth, 1) if geometry.flipped else smooth
    return picture


def breast_cover(breast: np.ndarray) -> np.ndarray:
    """The cells of a breast mask, (h, w) bool, with a smooth edge: uint8, 255 deep inside."""
    cells = breast.astype(np.float32) * 255
    smooth = cv2.GaussianBlur(cells, (0, 0), _SMOOTH_CELLS, borderType=cv2.BORDER_REPLICATE)
    return smooth.astype(np.uint8)
