"""How a probability becomes a colour, and the bar that explains it."""

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from pipeline.run.words import percent

COLOURS = colormaps["plasma"]
OPACITY = 0.7  # of the highest probability; the prior is transparent
TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True)
class ProbabilityScale:
    """Colours between the prior, which is transparent, and `high`, linear in the log odds.

    So a position that looks like any other shows the mammogram alone, and doubled odds look
    alike wherever they are. The scale is the same for all images of a run.
    """

    low: float
    high: float = 0.9

    def share(self, probability: np.ndarray) -> np.ndarray:
        """Place on the scale, 0 to 1, of each probability; NaN stays NaN."""
        low, high = _log_odds(self.low), _log_odds(self.high)
        clipped = np.clip(probability, min(self.low, 1e-6), 1 - 1e-6)
        return np.clip((_log_odds(clipped) - low) / (high - low), 0, 1)

    def blend(self, grey: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Lay the colours over a mammogram.

        Args:
            grey: (h, w) float32 in [0, 1].
            share: (h, w) places on the scale, without NaN.

        Returns:
            (h, w, 3) float32 in [0, 1].
        """
        opacity = (OPACITY * np.sqrt(share))[..., None].astype(np.float32)
        colours = COLOURS(share)[..., :3].astype(np.float32)
        return (1 - opacity) * grey[..., None] + opacity * colours

    def draw_bar(self, axes: Axes, threshold: float, *, colour: str) -> None:
        """Draw the scale with probabilities beside it and a mark at the region threshold."""
        share = np.linspace(0, 1, 256)
        bar = self.blend(np.full((256, 1), 0.25, np.float32), share[:, None])
        axes.imshow(bar, origin="lower", aspect="auto", extent=(0, 1, 0, 1))
        ticks = [self.low, *(t for t in TICKS if self.low * 1.8 < t < self.high), self.high]
        axes.set_yticks(self.share(np.array(ticks)), [percent(t) for t in ticks])
        axes.set_xticks([])
        axes.yaxis.tick_right()
        axes.tick_params(colors=colour, labelsize=11, length=4)
        axes.axhline(self.share(np.array(threshold)), color="white", linewidth=2)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_title("probability", color=colour, fontsize=11, pad=10)


def _log_odds(probability):
    return np.log(probability) - np.log1p(-np.asarray(probability))
