"""The maps and pictures of a run: which are kept, and their exchange as one set."""

import shutil
from dataclasses import dataclass

from pipeline.model.card import ModelCard
from pipeline.model.image_map import ImageMap, map_key, read_map
from pipeline.model.map_rule import MapRule
from pipeline.run.checksum import value_sha256
from pipeline.run.code import code_sha256
from pipeline.run.layout import RunFolder


@dataclass(frozen=True)
class MapSet:
    """The maps of a run for one model.

    Attributes:
        made_of: everything that the logits depend on beside the mammogram, see `map_set`.
    """

    run: RunFolder
    made_of: dict[str, object]

    @property
    def unfinished(self) -> RunFolder:
        """Where maps and pictures lie until all are made; a later attempt goes on from there."""
        return RunFolder(self.run.root / "heatmaps.unfinished")

    def key(self, store: str) -> str:
        """What the map of an entry of the store is made of, as a checksum."""
        return value_sha256({**self.made_of, "store": store})

    def kept(self, image_id: str, store: str) -> ImageMap | None:
        """The map of an earlier attempt or of the set before, if its logits would be the same."""
        places = (self.unfinished.heatmap(image_id), self.run.heatmap(image_id))
        key = self.key(store)
        return next((read_map(path) for path in places if map_key(path) == key), None)

    def put_in_place(self, image_ids: list[str], *, uncertain: list[str]) -> None:
        """Move the whole new set into the run, and remove what is of other images.

        Args:
            uncertain: images that have a picture of their uncertainty.
        """
        new, run = self.unfinished, self.run
        for suffix, source, target, images in (
            ("npz", new.heatmaps, run.heatmaps, image_ids),
            ("png", new.overlays, run.overlays, image_ids),
            ("png", new.uncertainty, run.uncertainty, uncertain),
        ):
            kept = {f"{image_id}.{suffix}" for image_id in images}
            if kept:
                target.mkdir(parents=True, exist_ok=True)
            for name in sorted(kept):
                (source / name).replace(target / name)
            for path in target.glob(f"*.{suffix}"):
                if path.name not in kept:
                    path.unlink()
        shutil.rmtree(new.root)


def map_set(run: RunFolder, card: ModelCard, rule: MapRule) -> MapSet:
    """The maps of a run with a model: weights, rule and code make the logits.

    The prior and the threshold do not, so another prior only makes other probabilities of them.
    The code counts as it lies there, committed or not.
    """
    return MapSet(
        run,
        {
            "weights": card.sha256,
            "pitch_px": rule.pitch_px,
            "flips": rule.flips,
            "zooms": rule.zooms,
            "smooth_cells": rule.smooth_cells,
            "level": [rule.level_share, rule.level],
            "temperature": card.calibration.temperature,  # of the spread
            "code": code_sha256("pipeline.model.image_map"),
        },
    )
