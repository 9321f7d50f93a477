"""The colours of the pictures: how a value becomes one, and the bar that explains it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from scipy.special import logit

from pipeline.run.words import percent

BACKGROUND, TEXT, TRUTH, REGION, WARNING = "#15181c", "#e8eaed", "#4dff9d", "#ffffff", "#ffb020"
OPACITY = 0.7  # of the highest value; the lowest is transparent
TICKS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9)


class _Scale:
    """Colours laid over a mammogram; a place on the scale is a share, 0 to 1."""

    colours: ClassVar[Colormap]
    title: ClassVar[str]

    def blend(self, grey: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Lay the colours over a mammogram.

        Args:
            grey: (h, w) float32 in [0, 1].
            share: (h, w) places on the scale, without NaN.

        Returns:
            (h, w, 3) float32 in [0, 1].
        """
        opacity = (OPACITY * np.sqrt(share))[..., None].astype(np.float32)
        laid_over = self.colours(share)[..., :3].astype(np.float32)
        return (1 - opacity) * grey[..., None] + opacity * laid_over

    def _draw_bar(self, axes: Axes, places: np.ndarray, labels: Sequence[str]) -> None:
        """Draw the scale upwards, with labels at some places."""
        bar = self.blend(np.full((256, 1), 0.25, np.float32), np.linspace(0, 1, 256)[:, None])
        axes.imshow(bar, origin="lower", aspect="auto", extent=(0, 1, 0, 1))
        axes.set_yticks(places, labels)
        axes.set_xticks([])
        axes.yaxis.tick_right()
        axes.tick_params(colors=TEXT, labelsize=11, length=4)
        axes.spines[:].set_visible(False)
        axes.set_title(self.title, color=TEXT, fontsize=11, pad=10)


@dataclass(frozen=True)
class ProbabilityScale(_Scale):
    """Colours between the prior, which is transparent, and `high`, linear in the log odds.

    So a position that looks like any other shows the mammogram alone, and doubled odds look
    alike wherever they are. The scale is the same for all images of a run.
    """

    low: float
    high: float = 0.9

    colours = colormaps["plasma"]
    title = "probability"

    def share(self, probability: np.ndarray) -> np.ndarray:
        """Place on the scale, 0 to 1, of each probability; NaN stays NaN."""
        low, high = logit(self.low), logit(self.high)
        clipped = np.clip(probability, min(self.low, 1e-6), 1 - 1e-6)
        return np.clip((logit(clipped) - low) / (high - low), 0, 1)

    def draw_bar(self, axes: Axes, threshold: float) -> None:
        """Draw the scale with probabilities beside it and a mark at the region threshold."""
        ticks = [self.low, *(t for t in TICKS if self.low * 1.8 < t < self.high), self.high]
        self._draw_bar(axes, self.share(np.array(ticks)), [percent(tick) for tick in ticks])
        axes.axhline(float(self.share(np.array(threshold))), color="white", linewidth=2)


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

    def draw_bar(self, axes: Axes) -> None:
        """Draw the scale with standard deviations beside it."""
        ticks = np.linspace(0, self.high, 4)
        *labels, last = (f"{tick:g}" for tick in ticks)
        self._draw_bar(axes, self.share(ticks), [*labels, f"≥ {last}"])
