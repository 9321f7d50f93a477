"""The colours of the pictures: how a value becomes one, and what stands beside their scale."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Colormap
from scipy.special import expit, logit

from pipeline.run.words import percent

BACKGROUND, TEXT, SOFT = "#15181c", "#e8eaed", "#aab2ba"
TRUTH, REGION, WARNING = "#4dff9d", "#ffffff", "#ffb020"
OPACITY = 0.7  # of the highest value; the lowest is transparent
TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9)


class _Scale:
    """Colours laid over a mammogram; a place on the scale is a share, 0 to 1."""

    colours: ClassVar[Colormap]
    title: ClassVar[str]

    def ticks(self) -> list[tuple[float, str]]:
        """Places on the scale with what is written beside them."""
        raise NotImplementedError

    def blend(self, grey: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Lay the colours over a mammogram.

        Args:
            grey: (h, w) float32 in [0, 1].
            share: (h, w) places on the scale, without NaN.

        Returns:
            (h, w, 3) float32 in [0, 1].
        """
        opacity = (OPACITY * np.sqrt(share))[..., None].astype(np.float32)
        laid_over = self.table()[np.minimum(256 * np.asarray(share), 255).astype(np.intp)]
        return (1 - opacity) * grey[..., None] + opacity * laid_over

    @classmethod
    def table(cls) -> np.ndarray:
        """The colours from low to high, (256, 3) float32 in [0, 1]."""
        return cls.colours(np.arange(256))[:, :3].astype(np.float32)


@dataclass(frozen=True)
class ProbabilityScale(_Scale):
    """Colours between the prior, which is transparent, and 0.9, linear in the log odds.

    So a position that looks like any other shows the mammogram alone, and doubled odds look
    alike wherever they are. The scale is the same for all images of a run. It ends higher, at nine
    times the odds of the prior, where that is above one half.
    """

    low: float

    colours = colormaps["plasma"]
    title = "probability"

    @property
    def high(self) -> float:
        """The probability from which on colours are alike."""
        return max(0.9, float(expit(logit(self.low) + logit(0.9))))

    def share(self, probability: np.ndarray) -> np.ndarray:
        """Place on the scale, 0 to 1, of each probability; NaN stays NaN."""
        low, high = logit(self.low), logit(self.high)
        clipped = np.clip(probability, min(self.low, 1e-6), 1 - 1e-6)
        return np.clip((logit(clipped) - low) / (high - low), 0, 1)

    def ticks(self) -> list[tuple[float, str]]:
        ticks = [self.low, *(t for t in TICKS if self.low * 1.8 < t < self.high), self.high]
        return [(float(self.share(np.array(tick))), percent(tick)) for tick in ticks]


@dataclass(frozen=True)
class SpreadScale(_Scale):
    """Colours of a standard deviation of log odds, linear from 0, which is transparent.

    From `high` on colours are alike: there the odds of the copies differ by factors of about 4.5
    up and down. The scale is the same for all images of all runs.
    """

    high: float = 1.5

    colours = colormaps["viridis"]  # another one, so that nobody takes it for a probability
    title = "sd of log odds"

    def share(self, spread: np.ndarray) -> np.ndarray:
        """Place on the scale, 0 to 1, of each standard deviation; NaN stays NaN."""
        return np.clip(spread / self.high, 0, 1)

    def ticks(self) -> list[tuple[float, str]]:
        ticks = np.linspace(0, self.high, 4)
        *labels, last = (f"{tick:g}" for tick in ticks)
        return list(zip(self.share(ticks).tolist(), [*labels, f"≥ {last}"], strict=True))
