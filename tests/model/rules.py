"""A map rule for tests that need one."""

from pipeline.model.map_rule import MapRule


def a_rule(pitch_px: int = 4, **changed) -> MapRule:
    """A rule of plain maps of 0.2 mm per pixel; `changed` are its other attributes."""
    own = {"suppression_cells": 1.5, "suppression_logits": 4.0, "max_candidates": 40} | changed
    return MapRule(pitch_px, pitch_px * 0.2, label_step=1, **own)
