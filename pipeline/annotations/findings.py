"""Findings of the catalog become outlines, in original pixels."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from pipeline.annotations.clean_polygons import clean_mask, clean_polygon
from pipeline.annotations.coordinates import outside_problem, unit_problem
from pipeline.annotations.mask_holes import Polygons
from pipeline.annotations.masks import MaskOutline, NoOutline
from pipeline.annotations.outlines import Circle, Outline
from pipeline.config import LabelSettings
from pipeline.run.errors import UserError

_OUTSIDE = "it lies outside the image of {} x {} pixels"
# So much of the box around an outline may lie outside the image without a word.
_OVERHANG = 0.05


@dataclass
class ImageOutlines:
    """The outlines of one image."""

    outlines: list[Outline] = field(default_factory=list)  # ordered by finding id
    # Something abnormal may be where nobody outlined it: no position can count as negative.
    unlocated: bool = False
    rejected: dict[str, str] = field(default_factory=dict)  # by finding id, why it has no outline
    # By finding id, in what its outline differs from the annotation, and doubts about it.
    notes: dict[str, list[str]] = field(default_factory=dict)


def image_outlines(
    findings: pd.DataFrame,
    *,
    labels: LabelSettings,
    height: int,
    width: int,
    spacing_mm: float,
    outcome: str,
    complete: str,
    masks: Mapping[str, MaskOutline],
) -> ImageOutlines:
    """Outline the findings of one image.

    Args:
        findings: its rows of catalog/findings.csv, possibly none.
        height, width: size of the original image in pixels.
        spacing_mm: of the original image, mm per pixel.
        outcome: abnormal, normal or unknown, from catalog/images.csv. An image that is not
            known to be normal and has no finding is unlocated.
        complete: yes or no, from catalog/images.csv. Where not all abnormalities are outlined,
            the image is unlocated.
        masks: `outline_masks` of the findings.
    """
    silent = findings.empty and outcome != "normal"
    result = ImageOutlines(unlocated=silent or complete == "no")
    if findings.empty:  # most images of a screening have none
        return result
    for finding in findings.sort_values("finding_id").to_dict("records"):
        finding_id, kind, pathology = (finding[n] for n in ("finding_id", "kind", "pathology"))
        if finding["geometry"] == "none":
            result.unlocated = True
            continue
        try:
            value, geometry = json.loads(finding["coordinates"]), finding["geometry"]
            if problem := unit_problem(geometry, value) or outside_problem(
                geometry, value, height=height, width=width
            ):
                raise NoOutline(problem)
            circle, polygons, notes = _shape(finding, spacing_mm=spacing_mm, masks=masks)
            parts = tuple(np.asarray(points, np.float64) for points in polygons)
            positive = counts(kind, pathology, labels)
            outline = Outline(finding_id, kind, pathology, positive, circle, parts)
            if overhang := _overhang(outline, height, width):
                notes = [*notes, overhang]
            if geometry == "box":
                outline = replace(outline, polygons=(_cut(parts[0], height, width),))
            result.outlines.append(outline)
            if notes:
                result.notes[finding_id] = notes
        except NoOutline as error:
            result.unlocated = True
            result.rejected[finding_id] = str(error)
    return result


def counts(kind: str, pathology: str, labels: LabelSettings) -> bool:
    """Whether a finding counts as abnormal by labels.kinds and labels.positive."""
    choices = (kind, labels.kinds), (pathology, labels.positive)
    return all(choice == "all" or value in choice for value, choice in choices)


def check_choice(findings: pd.DataFrame, labels: LabelSettings) -> None:
    """Refuse a misspelt choice of findings.

    Raises:
        UserError: labels.kinds or labels.positive names what no finding of the catalog has.
    """
    if findings.empty:
        return
    for setting, chosen, column in (
        ("labels.kinds", labels.kinds, "kind"),
        ("labels.positive", labels.positive, "pathology"),
    ):
        known = sorted(findings[column].unique())
        wrong = [] if chosen == "all" else sorted(set(chosen) - set(known))
        if wrong:
            raise UserError(
                f"{setting} names {', '.join(wrong)}, which no finding of the data has. "
                f"Choose among {', '.join(known)}, or all."
            )


def _shape(
    finding: dict, *, spacing_mm: float, masks: Mapping[str, MaskOutline]
) -> tuple[Circle | None, Polygons, list[str]]:
    """The circle or the polygons of a finding, and notes about them."""
    value, geometry = json.loads(finding["coordinates"]), finding["geometry"]
    if geometry == "circle":
        return Circle(float(value["row"]), float(value["col"]), float(value["radius"])), [], []
    if geometry == "polygon":
        return None, *clean_polygon(value)
    if geometry == "mask":
        mask = masks[finding["finding_id"]]
        if mask.problem:
            raise NoOutline(mask.problem)
        polygons, notes = clean_mask(mask.polygons, spacing_mm)
        return None, polygons, [*mask.notes, *notes]
    row0, col0, row1, col1 = (float(value[key]) for key in ("row0", "col0", "row1", "col1"))
    return None, [[[row0, col0], [row0, col1], [row1, col1], [row1, col0]]], []


def _overhang(outline: Outline, height: int, width: int) -> str:
    """That a part of an outline lies outside the image; "" where hardly any does."""
    row0, col0, row1, col1 = outline.bounds
    if row0 >= height - 0.5 or col0 >= width - 0.5 or row1 <= -0.5 or col1 <= -0.5:
        raise NoOutline(_OUTSIDE.format(height, width))
    inside = 1.0
    for low, high, size in ((row0, row1, height), (col0, col1, width)):
        if high > low:
            inside *= (min(high, size - 0.5) - max(low, -0.5)) / (high - low)
    if 1 - inside <= _OVERHANG:
        return ""
    return (
        f"{1 - inside:.0%} of the box around it lies outside the image of {height} x {width} "
        "pixels and cannot count"
    )


def _cut(box: np.ndarray, height: int, width: int) -> np.ndarray:
    """What of a box lies inside the image."""
    return np.clip(box, -0.5, [height - 0.5, width - 0.5])
