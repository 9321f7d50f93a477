"""Candidates: the points that a map proposes as findings, by soft suppression.

The highest place is a candidate; the map is lowered around it, the next highest place is one, and
so on. So a small finding beside a higher place is proposed, though the map has no local maximum
there, and a large area takes few candidates.

Source: after Bodla et al. 2017, Soft-NMS, arXiv:1704.04503 (there boxes lose a share of their
    score; here the logits of places are lowered by an amount).
"""

from dataclasses import dataclass

import numpy as np

from pipeline.model.map_rule import MapRule


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates of a map, best first."""

    # rows, cols: indices on the map, int, (n,) each; n is 0 for a map without a finite value
    rows: np.ndarray
    cols: np.ndarray
    # (h, w) float64, the lowered map: of a candidate its logit when it was taken, of any other
    # place what is left of its logit; NaN outside the breast
    lowered: np.ndarray

    @property
    def lowered_logits(self) -> np.ndarray:
        """Logit of each candidate, less what the candidates before it took, (n,), falling."""
        return self.lowered[self.rows, self.cols]


def find_candidates(logits: np.ndarray, rule: MapRule) -> Candidates:
    """The highest place of the map, the highest of the lowered map, and so on, each place once.

    A candidate lowers the logit of a place at distance d by
    `suppression_logits * exp(-d**2 / (2 * suppression_cells**2))`. Of equal places the upper is
    taken, then the left: a plateau is taken from its upper left corner.

    Args:
        logits: a map, NaN outside the breast, (h, w); it is not changed.
        rule: says how far and how much a candidate lowers the map, and how many are taken.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim != 2:
        raise ValueError(f"a map must have two axes, not {logits.ndim}")
    left, taken = np.where(np.isnan(logits), -np.inf, logits), np.full(logits.shape, np.nan)
    height, width = logits.shape
    # A Gaussian of two axes is the product of those of each.
    down = _falloff(np.arange(height), rule.suppression_cells)
    across = _falloff(np.arange(width), rule.suppression_cells)
    places: list[tuple[int, int]] = []
    for _ in range(min(rule.max_candidates, int(np.isfinite(left).sum()))):
        row, col = divmod(int(left.argmax()), width)  # the first of equal ones
        places.append((row, col))
        taken[row, col] = left[row, col]
        around = np.outer(
            down[np.abs(np.arange(height) - row)], across[np.abs(np.arange(width) - col)]
        )
        left -= rule.suppression_logits * around
        left[row, col] = -np.inf
    rows, cols = np.array(places, dtype=np.int64).reshape(-1, 2).T
    lowered = np.where(np.isnan(taken), np.where(np.isnan(logits), np.nan, left), taken)
    return Candidates(rows, cols, lowered)


def _falloff(distance: np.ndarray, sigma_cells: float) -> np.ndarray:
    return np.exp(-0.5 * (distance / sigma_cells) ** 2)
