"""How a probability becomes a colour, and the bar that explains it."""

from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap

from pipeline.run.words import percent

COLOURS = colormaps["plasma"]
SPREAD_COLOURS = colormaps["viridis"]  # another one, so that nobody takes it for a probability
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
        return _blend(COLOURS, grey, share)

    def draw_bar(self, axes: Axes, threshold: float, *, colour: str) -> None:
        """Draw the scale with probabilities beside it and a mark at the region threshold."""
        ticks = [self.low, *(t for t in TICKS if self.low * 1.8 < t < self.high), self.high]
        labels = [percent(tick) for tick in ticks]
        _draw_bar(axes, COLOURS, self.share(np.array(ticks)), labels, "probability", colour)
        axes.axhline(float(self.share(np.array(threshold))), color="white", linewidth=2)


@dataclass(frozen=True)
class SpreadScale:
    """Colours of a standard deviation of log odds, linear from 0, which is transparent.

    From `high` on colours are alike: there the odds of the copies differ by factors of about 4.5
    up and down. The scale is the same for all images of all runs.
    """

    high: float = 1.5

    def share(self, spread: np.ndarray) -> np.ndarray:
        """Place on the scale, 0 to 1, of each standard deviation; NaN stays NaN."""
        return np.clip(spread / self.high, 0, 1)

    def blend(self, grey: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Lay the colours over a mammogram; as `ProbabilityScale.blend`."""
        return _blend(SPREAD_COLOURS, grey, share)

    def draw_bar(self, axes: Axes, *, colour: str) -> None:
        """Draw the scale with standard deviations beside it."""
        ticks = np.linspace(0, self.high, 4)
        labels = [f"{tick:g}" for tick in ticks]
        labels[-1] = f"≥ {labels[-1]}"
        _draw_bar(axes, SPREAD_COLOURS, self.share(ticks), labels, "sd of log odds", colour)


def _blend(colours: Colormap, grey: np.ndarray, share: np.ndarray) -> np.ndarray:
    opacity = (OPACITY * np.sqrt(share))[..., None].astype(np.float32)
    laid_over = colours(share)[..., :3].astype(np.float32)
    return (1 - opacity) * grey[..., None] + opacity * laid_over


def _draw_bar(
    axes: Axes, colours: Colormap, places: np.ndarray, labels: list[str], title: str, colour: str
) -> None:
    """Draw colours from 0 to 1 upwards, with labels at some places and a title."""
    share = np.linspace(0, 1, 256)[:, None]
    bar = _blend(colours, np.full((256, 1), 0.25, np.float32), share)
    axes.imshow(bar, origin="lower", aspect="auto", extent=(0, 1, 0, 1))
    axes.set_yticks(places, labels)
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.tick_params(colors=colour, labelsize=11, length=4)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(title, color=colour, fontsize=11, pad=10)


def _log_odds(probability):
    return np.log(probability) - np.log1p(-np.asarray(probability))
