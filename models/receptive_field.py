"""Which pixels a cell of a feature map depends on, and where the cell lies on the image."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class ReceptiveField:
    """What the cells of a map see along one axis; as it stands, the pixels of the image itself.

    Cell i depends on the pixels first_px + i stride_px to last_px + i stride_px. All holds for
    images whose size is a multiple of the largest stride.

    Example:
        >>> field = ReceptiveField().window(3, 2).window(3)
        >>> field.size_px, field.stride_px, field.first_px
        (7, 2, 0)
    """

    stride_px: int = 1  # distance between cells
    extra: int = 0  # an image of n strides has n + extra cells
    # first_px, last_px: pixels that cell 0 sees, whatever the weights
    first_px: int = 0
    last_px: int = 0
    # the middle of cell 0. Where a convolution pads one row more after the map than before it, half
    # a row counts as before it: trained kernels lean that way (Alsallakh et al. 2021,
    # arXiv:2010.02178; for EfficientNet-Lite0 see efficientnet_lite0).
    middle_px: float = 0.0

    @property
    def size_px(self) -> int:
        """Number of pixels that a cell sees."""
        return self.last_px - self.first_px + 1

    def window(
        self, size: int, stride: int = 1, *, before: int = 0, after: int = 0, learned: bool = True
    ) -> "ReceptiveField":
        """The map that a window over `size` cells makes, moved by `stride`.

        Args:
            before, after: zeros that are put around the map first.
            learned: whether the window weighs its cells by kernels, which can lean to one side.
        """
        moved = (before + after) / 2 if learned else before
        return ReceptiveField(
            stride_px=self.stride_px * stride,
            extra=(self.extra + before + after - size) // stride + 1,
            first_px=self.first_px - before * self.stride_px,
            last_px=self.last_px + (size - 1 - before) * self.stride_px,
            middle_px=self.middle_px + ((size - 1) / 2 - moved) * self.stride_px,
        )

    def same(self, size: int, stride: int = 1, *, learned: bool = True) -> "ReceptiveField":
        """The same with the zeros that TensorFlow's padding "same" puts around the map."""
        cells = -(-self.extra // stride)
        zeros = max((cells - 1) * stride + size - self.extra, 0)
        before = zeros // 2
        return self.window(size, stride, before=before, after=zeros - before, learned=learned)


def joined(fields: Sequence[ReceptiveField]) -> ReceptiveField:
    """What a sum, a product or a row of channels of several maps sees.

    Raises:
        ValueError: the maps have different sizes.
    """
    if len({(field.stride_px, field.extra) for field in fields}) > 1:
        raise ValueError(f"only maps of one size can be joined, not {list(fields)}")
    middles = [field.middle_px for field in fields]
    return replace(
        fields[0],
        first_px=min(field.first_px for field in fields),
        last_px=max(field.last_px for field in fields),
        middle_px=(min(middles) + max(middles)) / 2,
    )
