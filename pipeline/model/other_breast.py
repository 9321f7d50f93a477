"""The other breast of the same woman in the same view."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def other_breast(mammograms: pd.DataFrame, highest: ArrayLike) -> np.ndarray:
    """The highest logit of the other breast of the same woman in the same view.

    Args:
        mammograms: patient_id, laterality (L, R or blank) and view of each, n rows.
        highest: of each, (n,).

    Returns:
        (n,) float64; NaN where the other breast is not there or the side is not known.
    """
    own = mammograms[["patient_id", "view", "laterality"]].assign(highest=np.asarray(highest))
    best = own.groupby(["patient_id", "view", "laterality"], sort=False)["highest"].max()
    sides = own["laterality"].map({"L": "R", "R": "L"})
    opposite = pd.MultiIndex.from_arrays([own["patient_id"], own["view"], sides])
    return best.reindex(opposite).to_numpy(np.float64)
