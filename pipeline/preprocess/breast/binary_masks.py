"""Small operations on binary masks: exact discs of any size, parts, and the thickest of them."""

import cv2
import numpy as np

# Up to this radius a disc is slid over a mask, which is then faster than a distance transform.
_SLID_PX = 16


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
    return dilated(~dilated(~padded, radius_px), radius_px)[pad:-pad, pad:-pad]


def dilated(mask: np.ndarray, radius_px: float) -> np.ndarray:
    """Dilation by a disc: what lies at most this far from a pixel of the mask."""
    if not mask.any():
        return mask.copy()
    reach = int(radius_px)
    if reach > _SLID_PX:
        return depth_px(~mask) <= radius_px
    steps = np.arange(-reach, reach + 1, dtype=np.float32) ** 2
    disc = np.sqrt(steps + steps[:, None]) <= radius_px
    return cv2.dilate(mask.astype(np.uint8), disc.astype(np.uint8)) > 0


def parts(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The connected parts by numbers from 1 on, (h, w) int32 with 0 outside, and how many."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return labels, count - 1


def thickness_px(mask: np.ndarray) -> float:
    """Radius of the largest circle inside the mask and inside the image."""
    return float(depth_px(np.pad(mask, 1)).max())


def main_part(mask: np.ndarray) -> np.ndarray:
    """The connected part with the largest inscribed circle; an empty mask stays empty."""
    labels, count = parts(mask)
    if count < 2:
        return mask
    depth = depth_px(np.pad(mask, 1))[1:-1, 1:-1]
    chosen = labels[np.unravel_index(np.argmax(depth), depth.shape)]
    return (labels == chosen) & mask


def part_of(mask: np.ndarray, core: np.ndarray) -> np.ndarray:
    """The connected part that shares most pixels with `core`, which it may not contain."""
    labels, count = parts(mask)
    shared = np.bincount(labels[core], minlength=count + 1)
    shared[0] = 0
    return (labels == shared.argmax()) & mask
