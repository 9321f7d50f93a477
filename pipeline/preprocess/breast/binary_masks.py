"""Small operations on binary masks, by exact distance transforms so that size costs nothing."""

import cv2
import numpy as np
from scipy import ndimage


def depth_px(mask: np.ndarray) -> np.ndarray:
    """Distance of each pixel of the mask to the nearest pixel outside; 0 there.

    Args:
        mask: (h, w) bool. Where it holds everything, all distances are very large.

    Returns:
        (h, w) float32, in pixels.
    """
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def opened(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Opening by a disc; beyond the left edge the mask goes on mirrored, elsewhere it ends.

    Args:
        mask: (h, w) bool.
    """
    pad = int(np.ceil(radius_px)) + 1
    padded = np.pad(np.pad(mask, ((0, 0), (pad, 0)), mode="symmetric"), ((pad, pad), (0, pad)))
    eroded = depth_px(padded) > radius_px
    if not eroded.any():
        return np.zeros_like(mask)
    return (depth_px(~eroded) <= radius_px)[pad:-pad, pad:-pad]


def dilated(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Dilation by a disc."""
    if not mask.any():
        return mask.copy()
    return depth_px(~mask) <= radius_px


def thickness_px(mask: np.ndarray) -> float:
    """Radius of the largest circle inside the mask and inside the image."""
    return float(depth_px(np.pad(mask, 1)).max())


def main_part(mask: np.ndarray) -> np.ndarray:
    """The connected part with the largest inscribed circle; an empty mask stays empty."""
    labels, _ = ndimage.label(mask)
    depth = depth_px(np.pad(mask, 1))[1:-1, 1:-1]
    chosen = labels[np.unravel_index(np.argmax(depth), depth.shape)]
    return (labels == chosen) & mask


def part_of(mask: np.ndarray, core: np.ndarray) -> np.ndarray:
    """The connected part that shares most pixels with `core`, which it may not contain."""
    labels, count = ndimage.label(mask)
    shared = np.bincount(labels[core], minlength=count + 1)
    shared[0] = 0
    return (labels == shared.argmax()) & mask
