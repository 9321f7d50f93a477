"""The maps and pictures of a run: which are kept, and their exchange as one set."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.model.calibration import Calibration
from pipeline.model.card import ModelCard
from pipeline.model.image_map import ImageMap, Mapper, map_key, map_mammogram, read_map, write_map
from pipeline.model.map_rule import MapRule
from pipeline.run.checksum import value_sha256
from pipeline.run.code import code_sha256
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import Lost, map_images
from pipeline.run.object_path import place
from pipeline.run.progress import Plan, shown


@dataclass(frozen=True)
class MakeMap:
    """The work of `map_images` on one mammogram, a row of mammograms.csv."""

    mapper: Mapper
    rule: MapRule
    calibration: Calibration

    def __call__(self, mammogram: Mapping[str, Any]) -> ImageMap:
        return map_mammogram(mammogram, self.mapper, self.rule, self.calibration)


@dataclass(frozen=True)
class MapSet:
    """The maps of a run with a model, by a rule."""

    run: RunFolder
    card: ModelCard
    rule: MapRule

    @property
    def unfinished(self) -> RunFolder:
        """Where maps and pictures lie until all are made; a later attempt goes on from there."""
        return RunFolder(self.run.root / "heatmaps.unfinished")

    def complete(self, mammograms: Sequence[Mapping[str, Any]], mapper: Mapper, plan: Plan) -> int:
        """Bring the maps of all mammograms together, rows of mammograms.csv.

        Args:
            plan: of the whole work, whose part is called `maps`.

        Returns:
            How many were computed; the others have the same logits as an earlier one.

        Raises:
            UserError: of some none could be made; those of the others are kept.
        """
        missing = []
        for mammogram in mammograms:
            if kept := self._kept(mammogram):
                self._write(mammogram, kept.calibrated(self.card.calibration))
            else:
                missing.append(mammogram)
        if kept_count := len(mammograms) - len(missing):
            print(f"heatmap: {kept_count} maps are there from before", flush=True)
        plan.parts["maps"] *= len(missing) / len(mammograms)
        make = MakeMap(mapper, self.rule, self.card.calibration)
        stores = sorted({place(mammogram["store"]).parents[1] for mammogram in missing})
        ends = map_images(make, missing, workers=0, places=stores)
        lost = []
        for mammogram, end in zip(
            missing, shown(ends, len(missing), "maps", plan=plan), strict=True
        ):
            if isinstance(end, Lost):
                lost.append(f"{mammogram['image_id']}: {end.reason}")
            else:
                self._write(mammogram, end)
        if lost:
            raise UserError(
                f"{len(lost)} of {len(missing)} maps could not be made: {'; '.join(lost[:3])}. The "
                "others are kept; the same command tries these again."
            )
        return len(missing)

    def put_in_place(self, image_ids: Sequence[str], *, uncertainty: bool) -> None:
        """Move the whole new set and its tables into the run; remove what is of other images.

        Args:
            uncertainty: there are pictures of it.
        """
        new, run = self.unfinished, self.run
        for suffix, source, target, images in (
            ("npz", new.heatmaps, run.heatmaps, image_ids),
            ("png", new.overlays, run.overlays, image_ids),
            ("json", new.viewer, run.viewer, image_ids),
            ("png", new.uncertainty, run.uncertainty, image_ids if uncertainty else ()),
        ):
            kept = {f"{image_id}.{suffix}" for image_id in images}
            if kept:
                target.mkdir(parents=True, exist_ok=True)
            for name in sorted(kept):
                (source / name).replace(target / name)
            for path in target.glob(f"*.{suffix}"):
                if path.name not in kept:
                    path.unlink()
        for name in ("regions", "candidates", "images", "predictions"):
            getattr(new, name).replace(getattr(run, name))
        shutil.rmtree(new.root)

    @cached_property
    def _made_of(self) -> dict[str, object]:
        """What the logits depend on beside the mammogram: weights, rule and code.

        The prior and the threshold are not in it, so another prior only makes other probabilities
        of them. The code counts as it lies there, committed or not.
        """
        return {
            "weights": self.card.sha256,
            "pitch_px": self.rule.pitch_px,
            "flips": self.rule.flips,
            "zooms": self.rule.zooms,
            "smooth_cells": self.rule.smooth_cells,
            "level": [self.rule.level_share, self.rule.level],
            # Of the spread.
            "temperature": [self.card.calibration.temperature, self.card.calibration.bend],
            "code": code_sha256("pipeline.model.image_map"),
        }

    def key(self, mammogram: Mapping[str, Any]) -> str:
        """What the logits of a mammogram's map are computed from, as a checksum."""
        return value_sha256({**self._made_of, "store": mammogram["store"]})

    def _kept(self, mammogram: Mapping[str, Any]) -> ImageMap | None:
        """The map of an earlier attempt or of the set before, if its logits would be the same."""
        places = (of.heatmap(mammogram["image_id"]) for of in (self.unfinished, self.run))
        key = self.key(mammogram)
        return next((read_map(path) for path in places if map_key(path) == key), None)

    def _write(self, mammogram: Mapping[str, Any], image_map: ImageMap) -> None:
        path = self.unfinished.heatmap(mammogram["image_id"])
        write_map(path, image_map, key=self.key(mammogram))
