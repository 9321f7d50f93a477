"""Baselines that see no structure: where a position lies, and how bright its surroundings are.

Both are fitted on the training positions of the model's run and judged on the same positions as
the network. What they reach is no achievement of the network.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline.evaluate.load import EXTENT, Judged, with_extent
from pipeline.figures.figure import Undefined
from pipeline.preprocess.store.entries import has_entry, network_input, read_image
from pipeline.preprocess.tables import read_mammograms, read_position_columns
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder

MAX_TRAINING_POSITIONS = 60_000
_COLUMNS = ("image_id", "split", "row_standard", "col_standard", "label")


def training_positions(
    judged: Judged, *, seed: int, most: int = MAX_TRAINING_POSITIONS
) -> pd.DataFrame:
    """Labelled training positions of the model's run, at most so many, drawn at random.

    Raises:
        Undefined: the run of the model is not at hand, or has no positions of both classes.
    """
    origin = RunFolder(judged.card.folder.parent)
    if not (origin.positions.is_file() and origin.mammograms.is_file()):
        raise Undefined(f"the training positions are not at hand: {origin.positions} is missing")
    try:
        positions = read_position_columns(origin.positions, _COLUMNS, written_by="make preprocess")
    except UserError as why:  # the run of the model may be older than the one that is judged
        raise Undefined(f"the training positions cannot be used: {why}") from why
    images = with_extent(read_mammograms(origin), positions)
    positions = positions[(positions["split"] == "train") & (positions["label"] >= 0)]
    if positions["label"].nunique() < 2:
        raise Undefined("a baseline needs training positions of both classes")
    if len(positions) > most:
        drawn = np.random.default_rng([seed, 0]).choice(len(positions), size=most, replace=False)
        positions = positions.iloc[np.sort(drawn)]
    return in_their_images(positions, images)


def in_their_images(positions: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Positions with the extent, the pixel spacing and the store entry of their images."""
    known = images.set_index("image_id")[[*EXTENT, "spacing_mm", "store"]]
    rows = known.astype({"store": "category"}).reindex(positions["image_id"])
    return positions.assign(**{name: rows[name].array for name in rows})


def position_features(positions: pd.DataFrame) -> np.ndarray:
    """Distance from the chest wall in mm and as a share of the breast, height in the breast.

    Returns:
        (n, 3) float64. The chest wall is the left edge of a standard image.
    """
    height = (positions["last_row"] - positions["first_row"]).clip(lower=1)
    columns = (
        positions["col_standard"] * positions["spacing_mm"],
        positions["col_standard"] / positions["last_col"].clip(lower=1),
        (positions["row_standard"] - positions["first_row"]) / height,
    )
    return np.stack(columns, axis=1).astype(np.float64)


def brightness_features(positions: pd.DataFrame, *, patch_px: int) -> np.ndarray:
    """Mean and standard deviation of the patch around each position.

    Returns:
        (n, 2) float64, grey values in [0, 1].

    Raises:
        Undefined: an image is not in the store, such as that of a model that came without it.
    """
    features = np.zeros((len(positions), 2))
    # The centre of a patch lies between two pixels: row = k * pitch - 0.5.
    places = positions[["row_standard", "col_standard"]].to_numpy(dtype=np.float64)
    centres = np.rint(places + 0.5).astype(int)
    corners = centres - patch_px // 2
    for index in positions.groupby("image_id").indices.values():
        store = positions["store"].iloc[index[0]]
        if not has_entry(store):
            raise Undefined(f"standardised mammograms are not at hand: {store} is missing")
        image = read_image(store)
        features[index] = patch_moments(image, *corners[index].T, patch_px=patch_px)
    return features


def patch_moments(
    image: np.ndarray, row0: np.ndarray, col0: np.ndarray, *, patch_px: int
) -> np.ndarray:
    """Mean and standard deviation of patches, by integral images.

    Args:
        image: (H, W) uint16; padded by reflection where a patch leaves it.
        row0, col0: first row and column of each patch, (n,) int.

    Returns:
        (n, 2) float64, grey values in [0, 1].
    """
    outside = (-row0.min(), -col0.min(), row0.max() + patch_px - len(image))
    pad = int(max(0, *outside, col0.max() + patch_px - image.shape[1]))
    padded = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
    top, left = row0 + pad, col0 + pad
    low, right = top + patch_px, left + patch_px
    mean, mean_square = (
        (table[low, right] - table[top, right] - table[low, left] + table[top, left]) / patch_px**2
        for table in cv2.integral2(network_input(padded), sdepth=cv2.CV_64F)
    )
    return np.stack([mean, np.sqrt(np.clip(mean_square - mean**2, 0, None))], axis=1)


def baseline_scores(judged: Judged, *, seed: int) -> dict[str, Callable[[], np.ndarray]]:
    """For each baseline a function that fits it and scores the judged positions, (n,).

    Raises (from the functions):
        Undefined: there is nothing to fit on.
    """
    boosting = HistGradientBoostingClassifier(
        max_depth=3, max_iter=60, early_stopping=False, random_state=seed
    )
    logistic = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    brightness = partial(brightness_features, patch_px=judged.card.network.patch_px)

    def scores(
        model: ClassifierMixin, features: Callable[[pd.DataFrame], np.ndarray]
    ) -> np.ndarray:
        training = training_positions(judged, seed=seed)
        model.fit(features(training), training["label"])
        return model.decision_function(features(in_their_images(judged.positions, judged.images)))

    return {
        "position": partial(scores, boosting, position_features),
        "mean_contrast": partial(scores, logistic, brightness),
    }
