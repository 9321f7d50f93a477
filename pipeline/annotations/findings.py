"""Findings of the catalog become outlines, in original pixels."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.annotations.masks import MaskOutline, NoOutline, Polygons
from pipeline.annotations.outlines import Circle, Outline
from pipeline.config import LabelSettings
from pipeline.run.errors import UserError

_OUTSIDE = "it lies outside the image of {} x {} pixels"


@dataclass
class ImageOutlines:
    """The outlines of one image."""

    outlines: list[Outline] = field(default_factory=list)  # ordered by finding id
    # Something abnormal may be where nobody outlined it: no position can count as negative.
    unlocated: bool = False
    rejected: dict[str, str] = field(default_factory=dict)  # by finding id, why it has no outline


def image_outlines(
    findings: pd.DataFrame,
    *,
    labels: LabelSettings,
    height: int,
    width: int,
    outcome: str,
    complete: str,
    masks: Mapping[str, MaskOutline],
) -> ImageOutlines:
    """Outline the findings of one image.

    Args:
        findings: its rows of catalog/findings.csv, possibly none.
        height, width: size of the original image in pixels.
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
            circle, polygons = _shape(finding, height=height, width=width, masks=masks)
            parts = tuple(np.asarray(points, np.float64) for points in polygons)
            positive = counts(kind, pathology, labels)
            outline = Outline(finding_id, kind, pathology, positive, circle, parts)
            row0, col0, row1, col1 = outline.bounds
            if row0 > height - 0.5 or col0 > width - 0.5 or row1 < -0.5 or col1 < -0.5:
                raise NoOutline(_OUTSIDE.format(height, width))
            result.outlines.append(outline)
        except NoOutline as problem:
            result.unlocated = True
            result.rejected[finding_id] = str(problem)
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
    finding: dict, *, height: int, width: int, masks: Mapping[str, MaskOutline]
) -> tuple[Circle | None, Polygons]:
    """The circle or the polygons of a finding.

    Raises:
        NoOutline: its mask is unusable, or nothing of its box lies inside the image.
    """
    value, geometry = json.loads(finding["coordinates"]), finding["geometry"]
    if geometry == "circle":
        return Circle(float(value["row"]), float(value["col"]), float(value["radius"])), []
    if geometry == "polygon":
        return None, [value]
    if geometry == "mask":
        mask = masks[finding["finding_id"]]
        if mask.problem:
            raise NoOutline(mask.problem)
        return None, mask.polygons
    # What leaves the image is cut off, unless nothing would be left.
    row0, row1 = (min(max(float(value[key]), -0.5), height - 0.5) for key in ("row0", "row1"))
    col0, col1 = (min(max(float(value[key]), -0.5), width - 0.5) for key in ("col0", "col1"))
    if row0 == row1 or col0 == col1:
        raise NoOutline(_OUTSIDE.format(height, width))
    return None, [[[row0, col0], [row0, col1], [row1, col1], [row1, col0]]]
