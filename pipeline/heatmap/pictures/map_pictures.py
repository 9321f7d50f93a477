"""The pictures of a map beside its mammogram: the heatmap, and how far the map's copies differ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.outlines import Outline
from pipeline.drawing import marks
from pipeline.drawing.field import field_of, grey_picture, on_picture
from pipeline.drawing.sheet import Panel, Sheet
from pipeline.heatmap.pictures.region_marks import draw_regions
from pipeline.heatmap.regions import Regions
from pipeline.model.card import ModelCard
from pipeline.model.image_map import ImageMap
from pipeline.model.training_data import Doubt
from pipeline.pages.colours import REGION, SOFT, TEXT, TRUTH, WARNING, ProbabilityScale, SpreadScale
from pipeline.preprocess.store.entries import read_breast, read_image
from pipeline.run.words import percent

TITLE_LETTERS = 38  # of the full size, left of the middle
PANEL_PX = (860, 710)  # rows and columns of the room for a mammogram
PANELS_LEFT_PX, PANELS_TOP_PX = (24, 760), 80
BAR_PX = 1488, 200, 600  # left, top and height of the scale
BELOW_PX = 980  # the baseline of what stands below the panels


@dataclass(frozen=True)
class Caption:
    """What all pictures of a run share."""

    model: str  # name of the model, e.g. the run it comes from.
    prior: float  # probability that a position is abnormal, before looking
    threshold: float  # probability from which an area is a region
    highest: float = 1.0  # the highest probability that is shown
    prior_is_set: bool = False  # it was given by the user and not counted
    copies: str = ""  # what the spread of a map is over, in words
    warning: str = ""  # the worst one, in a few words

    @classmethod
    def of(
        cls, card: ModelCard, *, model: str, prior_is_set: bool, doubts: Sequence[Doubt]
    ) -> "Caption":
        """That of a model under the prior that is in use; of the doubts it shows the first."""
        return cls(
            model=model,
            prior=card.calibration.natural_prior,
            threshold=card.region_threshold,
            highest=card.calibration.highest,
            prior_is_set=prior_is_set,
            copies=copies_in_words(card),
            warning=doubts[0].short if doubts else "",
        )


def copies_in_words(card: ModelCard) -> str:
    """What the spread of a map is over; empty where there is one copy."""
    copies = f"{card.maps.flips} mirrored copies" if card.maps.flips > 1 else ""
    sizes = f"{len(card.maps.zooms)} sizes" if len(card.maps.zooms) > 1 else ""
    networks = f"{card.network.members} networks" if card.network.members > 1 else ""
    return " of each of ".join(filter(None, (copies, sizes, networks)))


def write_overlay(
    path: Path,
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    regions: Regions,
    outlines: Sequence[Outline],
    caption: Caption,
) -> None:
    """Write the heatmap of one mammogram, 1600 x 1000 pixels, atomically.

    Args:
        mammogram: row of mammograms.csv.
        outlines: its outlines, in original pixels.
    """
    page = _Page(mammogram, caption)
    scale = ProbabilityScale(low=caption.prior)
    page.show_map(
        scale,
        image_map.probability,
        image_map,
        regions,
        label=lambda region: f"{region.rank}: {percent(region.peak_probability, caption.highest)}",
        mark=caption.threshold,
    )
    marks.draw_outlines(page.sheet, page.right, outlines)
    count = len(regions.table)
    found = f"{count or 'no'} region{'' if count == 1 else 's'} above {percent(caption.threshold)}"
    page.explain(f"Heatmap: {found}", colour=REGION)
    page.explain(*truth_in_words(mammogram, outlines), at_right=True)
    page.save(path)


def truth_in_words(mammogram: Mapping[str, Any], outlines: Sequence[Outline]) -> tuple[str, str]:
    """What is known of a mammogram, and the colour to write it in: TRUTH only for a known truth."""
    if outlines:
        dotted = not all(outline.positive for outline in outlines)
        words = "outlined finding" + " (dotted: not counted as abnormal)" * dotted
        return words, TRUTH
    if mammogram["outcome"] == "unknown":
        return "truth unknown", SOFT
    outlined = "known to be abnormal, not outlined"
    return (outlined, SOFT) if mammogram["outcome"] == "abnormal" else ("no finding", TRUTH)


def write_uncertainty(
    path: Path,
    mammogram: Mapping[str, Any],
    image_map: ImageMap,
    regions: Regions,
    caption: Caption,
) -> None:
    """Write how far the copies of one map differ, 1600 x 1000 pixels, atomically.

    Args:
        mammogram: row of mammograms.csv.
        image_map: its map, with `spread`.
        regions: they are labelled with their rank and mean spread.

    Raises:
        ValueError: the map has one copy.
    """
    if image_map.spread is None:
        raise ValueError(f"the map of {mammogram['image_id']} has one copy and so no spread")
    page = _Page(mammogram, caption)
    page.show_map(
        SpreadScale(),
        image_map.spread,
        image_map,
        regions,
        label=lambda region: f"{region.rank}: sd {region.logit_sd:.2f}",
    )
    page.explain(f"Uncertainty: sd of the log odds over {caption.copies}", colour=TEXT)
    page.save(path)


class _Page:
    """A sheet with title, mammogram and scale bar at the left, and room at the right.

    Attributes:
        grey: (h, w) float32 in [0, 1], the mammogram in the pixels of a panel.
        left, right: the panels.
    """

    def __init__(self, mammogram: Mapping[str, Any], caption: Caption):
        self.mammogram, self.sheet = mammogram, Sheet()
        geometry = geometry_of(mammogram)
        field = field_of(geometry)
        store, shape = mammogram["store"], field.shape_px(*PANEL_PX)
        image, breast = read_image(store), read_breast(store)
        self.grey = grey_picture(image, breast, shape, flipped=geometry.flipped)
        (room_height, room_width), (height, width) = PANEL_PX, shape
        top = PANELS_TOP_PX + (room_height - height) // 2
        self.left, self.right = (
            Panel(field, at + (room_width - width) // 2, top, height, width)
            for at in PANELS_LEFT_PX
        )
        self.sheet.show(self.left, self.grey)
        # The chest wall is left in the standard form, so the air is right unless it was mirrored.
        marks.draw_scale_bar(
            self.sheet,
            self.left,
            spacing_mm=mammogram["original_spacing_mm"],
            at_left=geometry.flipped,
        )
        self._write_title(caption)

    def show_map(
        self,
        scale: ProbabilityScale | SpreadScale,
        values: np.ndarray,
        image_map: ImageMap,
        regions: Regions,
        *,
        label: Callable[[Any], str],
        mark: float | None = None,
    ) -> None:
        """Show values of the map, (h, w), its regions and its scale at the right.

        Args:
            mark: a value to mark on the scale.
        """
        share = on_picture(scale.share(values), image_map, self.right.field, self.grey.shape)
        self.sheet.show(self.right, scale.blend(self.grey, share))
        draw_regions(self.sheet, self.right, image_map, regions, label=label)
        left, top, height = BAR_PX
        marks.draw_bar(self.sheet, scale, left=left, top=top, height=height, mark=mark)

    def explain(self, words: str, colour: str, *, at_right: bool = False) -> None:
        """Say below the right panel what it shows."""
        x, anchor = (1472, "rs") if at_right else (760, "ls")
        self.sheet.write(words, (x, BELOW_PX), colour=colour, size=18, anchor=anchor)

    def save(self, path: Path) -> None:
        """Write the sheet atomically; a phantom is marked on it."""
        if self.mammogram["dataset"] == "phantom":
            at_left = bool(self.mammogram["flipped"])
            marks.mark_synthetic(self.sheet, (self.left, self.right), at_left=at_left)
        self.sheet.save(path)

    def _write_title(self, caption: Caption) -> None:
        names = (self.mammogram[name] for name in ("image_id", "laterality", "view"))
        image_id, *view = filter(None, names)
        title = "   ".join(filter(None, (image_id, " ".join(view))))
        size = 27 * min(1, TITLE_LETTERS / len(title))
        self.sheet.write(title, (24, 45), colour=TEXT, size=size, bold=True)
        model = caption.model if len(caption.model) <= 40 else f"…{caption.model[-39:]}"
        words = f"model {model}     prior in use: {percent(caption.prior)}"
        words += " (set)" if caption.prior_is_set else ""
        self.sheet.write(words, (1576, 43), colour=TEXT, size=18, anchor="rs")
        self.sheet.write(
            caption.warning, (1576, 70), colour=WARNING, size=18, anchor="rs", bold=True
        )
        self.sheet.write("Mammogram", (24, BELOW_PX), colour=TEXT, size=18)
