"""Pictures that tell how the maps of a few validation mammograms become what they are.

They are drawn from maps that a validation makes anyway, and each is on the disk and in the event
log before the checkpoint knows that its mammogram is validated: a training that was killed draws
it again, under the same name.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.drawing.field import Field, grey_picture, on_picture
from pipeline.drawing.marks import draw_outlines
from pipeline.drawing.sheet import Panel, Sheet, rgb
from pipeline.model.calibration import TRAINING_PRIOR, Calibration
from pipeline.model.card_parts import PHANTOM
from pipeline.model.image_map import ImageMap
from pipeline.model.map_rule import MapRule
from pipeline.model.validation import MappedImage, ValidationImage
from pipeline.pages.colours import BACKGROUND, TEXT, WARNING, ProbabilityScale
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.store.entries import read_breast, read_image
from pipeline.run.atomic import write_atomic
from pipeline.run.events import EventLog
from pipeline.run.stage import Stage
from pipeline.run.words import percent
from pipeline.train.data.inputs import Inputs, natural_prior

WITH_FINDING, WITHOUT = 2, 1  # mammograms of each network
PANEL_PX = (360, 300)  # the most rows and columns of a mammogram
LINE_PX, TEXT_PX, GAP_PX = 24, 15, 4  # the line above the mammograms, and what is between them
LANDSCAPE = 4 / 3  # MLflow cuts off the bottom of what is less wide
QUALITY = 80
LOWEST_PRIOR = 1e-4  # a scale of colours needs one that is not 0


@dataclass(frozen=True)
class WatchedMaps:
    """A few validation mammograms, always the same ones."""

    image_ids: frozenset[str]  # whose
    folder: Path  # gets the pictures
    events: EventLog
    calibration: Calibration  # the counted prior alone; what is fitted is not known before the end
    synthetic: bool  # whether they are drawn

    @classmethod
    def of(cls, stage: Stage, inputs: Inputs) -> "WatchedMaps":
        """Those of a training: the first with a finding that counts, and the first without."""
        tables = inputs.tables
        prior = max(natural_prior(tables.positions), LOWEST_PRIOR)
        return cls(
            image_ids=frozenset(_chosen(inputs.validation)),
            folder=stage.run.watched_maps,
            events=stage.events,
            calibration=Calibration(TRAINING_PRIOR, prior, temperature=1.0),
            synthetic=bool((tables.mammograms["dataset"] == PHANTOM).any()),
        )

    def note_start(self, images: Sequence[ValidationImage]) -> None:
        """Write and log their mammograms without a map, as step 0, which is what MLflow opens."""
        for image in images:
            if image.image_id in self.image_ids:
                self._write(image, None, step=0)

    def note(self, mapped: MappedImage, rule: MapRule, *, step: int) -> None:
        """Write and log the picture of a map, if its mammogram is one of them."""
        image = mapped.image
        if image.image_id in self.image_ids:
            axes = position_grid(image.height, image.width, rule.pitch_px)
            probability = self.calibration.probability(mapped.logit)
            self._write(image, ImageMap(mapped.logit, probability, *axes), step=step)

    def _write(self, image: ValidationImage, image_map: ImageMap | None, *, step: int) -> None:
        picture = cv2.cvtColor(self._picture(image, image_map), cv2.COLOR_RGB2BGR)
        options = [cv2.IMWRITE_WEBP_QUALITY, QUALITY]
        content = cv2.imencode(".webp", picture, options)[1].tobytes()
        # By its content, so that it stays what another training logged at this step.
        path = self.folder / f"{image.image_id}-{step}-{zlib.crc32(content):08x}.webp"
        write_atomic(path, lambda new: new.write_bytes(content))
        self.events.image(path, key=image.image_id, step=step)

    def _picture(self, image: ValidationImage, image_map: ImageMap | None) -> np.ndarray:
        """The mammogram, and with its map over it, in standard form, (h, w, 3) uint8."""
        field = Field(-0.5, image.height - 0.5, -0.5, image.width - 0.5)
        height, width = field.shape_px(*PANEL_PX)
        pixels, breast = read_image(image.store), read_breast(image.store)
        grey = grey_picture(pixels, breast, (height, width), flipped=False)
        right, said = grey, "before the training"
        if image_map:
            scale = ProbabilityScale(low=self.calibration.natural_prior)
            share = scale.share(image_map.probability)
            right = scale.blend(grey, on_picture(share, image_map, field, grey.shape))
            highest = float(np.nan_to_num(image_map.probability).max())
            said = f"highest {percent(highest)}, not calibrated"
        whole = height + LINE_PX
        across = max(2 * width + GAP_PX, round(LANDSCAPE * whole))
        sheet = Sheet(np.full((whole, across, 3), rgb(BACKGROUND), np.uint8))
        for left, shown in ((0, grey), (across - width, right)):
            panel = Panel(field, left, LINE_PX, height, width)
            sheet.show(panel, shown)
            draw_outlines(sheet, panel, image.outlines, width=1)
        base = LINE_PX - 7
        sheet.write(said, (across - 4, base), colour=TEXT, size=TEXT_PX, anchor="rs")
        if self.synthetic:
            sheet.write("SYNTHETIC", (4, base), colour=WARNING, size=TEXT_PX)
        return sheet.with_words()


def _chosen(images: Sequence[ValidationImage]) -> list[str]:
    """The first of different women, in the order of the tables, which does not change."""
    chosen: dict[str, str] = {}
    for wanted, most in ((True, WITH_FINDING), (False, WITHOUT)):
        whole = len(chosen) + most
        for image in images:
            has = any(outline.positive for outline in image.outlines)
            if has == wanted and image.patient_id not in chosen and len(chosen) < whole:
                chosen[image.patient_id] = image.image_id
    return list(chosen.values())
