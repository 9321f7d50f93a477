"""Maps of the women that a network left out of its training: what is fitted is fitted on them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from models.network import PatchNetwork
from models.saved import weights_of
from pipeline.model.image_map import NetworkMapper
from pipeline.model.map_rule import MapRule
from pipeline.model.validation import MappedImage, ValidationImage, map_image
from pipeline.run.atomic import write_atomic
from pipeline.run.checksum import value_sha256
from pipeline.run.progress import Plan, shown

LEFT_OUT = "maps of the patients left out"  # the part of a plan


def left_out_maps(
    path: Path,
    network: PatchNetwork,
    images: Sequence[ValidationImage],
    rule: MapRule,
    plan: Plan | None = None,
) -> list[MappedImage]:
    """The maps of mammograms, each at its own level, from the file where they are already there.

    Args:
        path: file of the maps; it is theirs as long as network, mammograms and rule are the same.
        plan: of the whole training, whose part this is.
    """
    key = _key(network, images, rule)
    if path.is_file():
        with np.load(path) as file:
            if str(file["key"]) == key:
                return [
                    MappedImage(image, file[f"{i}/logit"], file.get(f"{i}/spread"))
                    for i, image in enumerate(images)
                ]
    mapper = NetworkMapper(network, with_spread=rule.flips * len(rule.zooms) > 1)
    counted = shown(images, len(images), LEFT_OUT, plan=plan)
    maps = [map_image(mapper, image, rule) for image in counted]
    arrays: dict[str, Any] = {"key": np.array(key)}
    arrays |= {f"{i}/logit": one.logit for i, one in enumerate(maps)}
    arrays |= {f"{i}/spread": one.spread for i, one in enumerate(maps) if one.spread is not None}
    write_atomic(path, lambda place: np.savez_compressed(place, **arrays))
    return maps


def _key(network: PatchNetwork, images: Sequence[ValidationImage], rule: MapRule) -> str:
    weights = hashlib.sha256()
    for name, weight in sorted(weights_of(network).items()):
        weights.update(name.encode() + np.ascontiguousarray(weight).tobytes())
    how = [rule.pitch_px, rule.flips, rule.zooms, rule.smooth_cells]
    return value_sha256([weights.hexdigest(), how, [image.store for image in images]])
