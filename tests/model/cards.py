"""A whole model card for tests that need one, with what they change in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.config import ImageSettings, LabelSettings, MapSettings
from pipeline.model.card import ModelCard, read_card, write_card

COUNTS = {"patients": 65, "mammograms": 130, "lesions": 51, "positives": 1545, "negatives": 9000}
CARD: dict[str, Any] = {
    "network": {"backbone": "valid", "patch_px": 32},
    "image": ImageSettings().model_dump(),
    "labels": LabelSettings().model_dump(),
    "maps": MapSettings().model_dump(),
    "calibration": {"training_prior": 0.5, "natural_prior": 0.03, "temperature": 1.2},
    "region_threshold": 0.2,
    "training": {
        "parameters": 10,
        "steps": 10,
        "crops": 80,
        "seconds": 1.5,
        "precision": "float32",
        "replicas": 1,
        "validation_auc": 0.9,
        "validation_loss": 0.4,
        "validation_froc": 0.6,
        "train": COUNTS,
        "validation": COUNTS,
    },
    "commit": "c0ffee",
    "settings": {},
    "sha256": "0" * 64,
}
SUPPORT: dict[str, Any] = {
    "patients": 11,
    "mammograms": 22,
    "lesions": 7,
    "observed_over_expected": 1.1,
    "low": 0.4,
    "high": 2.25,
}
SITE: dict[str, Any] = {
    "model": "runs/there",
    "model_sha256": "0" * 64,
    "description_sha256": "0" * 64,
    "datasets": ("mias",),
    "patients": 30,
    "mammograms": 60,
    "lesions": 40,
    "positions": 9000,
    "positives": 300,
    "date": "2026-11-22",
    "commit": "",
    "calibration_before": CARD["calibration"],
    "region_threshold_before": 0.2,
    "pixel_hashes": (),
}


def a_card(**changed: Any) -> ModelCard:
    """A card; a mapping replaces only what it names: training={"seconds": 3.0}."""
    return ModelCard.model_validate(_merged(CARD, changed))


def write_a_card(folder: Path, **changed: Any) -> ModelCard:
    """Write `a_card` as that of a model folder."""
    card = a_card(**changed)
    write_card(folder, card)
    return card


def change_card(folder: Path, **changed: Any) -> None:
    """Change the card of a model folder."""
    tree = read_card(folder).model_dump()
    write_card(folder, ModelCard.model_validate(_merged(tree, changed)))


def _merged(tree: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(tree)
    for name, value in changed.items():
        old = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        merged[name] = _merged(old, value) if both else value
    return merged
