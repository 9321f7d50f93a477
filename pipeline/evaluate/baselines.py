"""Baselines that see no structure: where a position lies, and how bright its surroundings are.

Both are fitted on the training positions of the model's run and judged on the same positions as
the network. What they reach is no achievement of the network.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline.evaluate.load import Judged, with_extent
from pipeline.figures.undefined import Undefined
from pipeline.preprocess.store.entries import network_input, read_image
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.layout import RunFolder

MAX_TRAINING_POSITIONS = 60_000


@dataclass(frozen=True)
class Places:
    """Positions and the mammograms that they lie in."""

    positions: pd.DataFrame
    mammograms: pd.DataFrame

    def by_image(self) -> Iterator[tuple[pd.Series, np.ndarray]]:
        """(row of mammograms.csv, indices of its positions) for each image."""
        rows = self.mammograms.set_index("image_id")
        for image_id, index in self.positions.groupby("image_id").indices.items():
            yield rows.loc[image_id], index


def training_places(judged: Judged, *, seed: int, most: int = MAX_TRAINING_POSITIONS) -> Places:
    """Labelled training positions of the model's run, at most so many, drawn at random.

    Raises:
        Undefined: the run of the model is not at hand, or has no positions of both classes.
    """
    origin = RunFolder(judged.card.folder.parent)
    if not (origin.positions.is_file() and origin.mammograms.is_file()):
        raise Undefined(f"the training positions are not at hand: {origin.positions} is missing")
    positions = with_extent(read_positions(origin))
    positions = positions[(positions["split"] == "train") & (positions["label"] >= 0)]
    if positions["label"].nunique() < 2:
        raise Undefined("a baseline needs training positions of both classes")
    if len(positions) > most:
        drawn = np.random.default_rng([seed, 0]).choice(len(positions), size=most, replace=False)
        positions = positions.iloc[np.sort(drawn)]
    return Places(positions.reset_index(drop=True), read_mammograms(origin))


def judged_places(judged: Judged) -> Places:
    """The positions that are judged."""
    return Places(judged.positions, judged.images)


def position_features(places: Places) -> np.ndarray:
    """Distance from the chest wall in mm and as a share of the breast, height in the breast.

    Returns:
        (n, 3) float64. The chest wall is the left edge of a standard image.
    """
    features = np.zeros((len(places.positions), 3))
    for mammogram, index in places.by_image():
        here = places.positions.iloc[index]
        features[index, 0] = here["col"] * mammogram["spacing_mm"]
    table = places.positions
    features[:, 1] = table["col"] / table["last_col"].clip(lower=1)
    height = (table["last_row"] - table["first_row"]).clip(lower=1)
    features[:, 2] = (table["row"] - table["first_row"]) / height
    return features


def brightness_features(places: Places, *, patch_px: int) -> np.ndarray:
    """Mean and standard deviation of the patch around each position.

    Returns:
        (n, 2) float64, grey values in [0, 1].
    """
    features = np.zeros((len(places.positions), 2))
    for mammogram, index in places.by_image():
        here = places.positions.iloc[index]
        # The centre of a patch lies between two pixels: row = k * pitch - 0.5.
        row0 = np.rint(here["row"].to_numpy(dtype=np.float64) + 0.5).astype(int) - patch_px // 2
        col0 = np.rint(here["col"].to_numpy(dtype=np.float64) + 0.5).astype(int) - patch_px // 2
        image = read_image(mammogram["store"])
        features[index] = patch_moments(image, row0, col0, patch_px=patch_px)
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
    sums, squares = cv2.integral2(network_input(padded), sdepth=cv2.CV_64F)
    corner = row0 + pad, col0 + pad
    mean = _box(sums, *corner, patch_px) / patch_px**2
    variance = _box(squares, *corner, patch_px) / patch_px**2 - mean**2
    return np.stack([mean, np.sqrt(np.clip(variance, 0, None))], axis=1)


def baseline_scores(judged: Judged, *, seed: int) -> dict[str, Callable[[], np.ndarray]]:
    """For each baseline a function that fits it and scores the judged positions, (n,).

    Raises (from the functions):
        Undefined: there is nothing to fit on.
    """

    def position() -> np.ndarray:
        training = training_places(judged, seed=seed)
        model = HistGradientBoostingClassifier(
            max_depth=3, max_iter=60, early_stopping=False, random_state=seed
        )
        model.fit(position_features(training), training.positions["label"])
        return model.decision_function(position_features(judged_places(judged)))

    def mean_contrast() -> np.ndarray:
        training = training_places(judged, seed=seed)
        patch_px = judged.card.network.patch_px
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
        features = brightness_features(training, patch_px=patch_px)
        model.fit(features, training.positions["label"])
        tested = brightness_features(judged_places(judged), patch_px=patch_px)
        return model.decision_function(tested)

    return {"position": position, "mean_contrast": mean_contrast}


def _box(integral: np.ndarray, row0: np.ndarray, col0: np.ndarray, side: int) -> np.ndarray:
    row1, col1 = row0 + side, col0 + side
    return integral[row1, col1] - integral[row0, col1] - integral[row1, col0] + integral[row0, col0]
