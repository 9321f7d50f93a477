"""What the gallery and the viewer of a page show: the mapped mammograms of one run, or of two.

Pixels, maps and lines are as the heatmap stage left them in RUN/viewer; the numbers are those of
its tables.
"""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.annotations.outlines import Outline, read_outlines
from pipeline.pages.colours import ProbabilityScale
from pipeline.pages.embedded import PER_PAGE
from pipeline.pages.filters import number
from pipeline.preprocess.tables import read_mammograms
from pipeline.run.atomic import read_json
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.layout import RunFolder
from pipeline.run.words import percent

ORDERS = (
    ("score", "highest score", "The mammogram whose best candidate is the surest finding first."),
    ("miss", "miss", "The mammogram with the worst ranked finding first; then those without one."),
    (
        "alarm",
        "false alarm",
        "The mammogram with the best candidate that marks no finding first; then those whose truth "
        "is not known.",
    ),
)
BY_SPREAD = "The mammogram first whose copies of the map differ most at its highest place."
BY_THRESHOLD = "The mammogram first whose highest place is nearest to the threshold of regions."
FILTERS = (("view", "View"), ("density", "Density"), ("kinds", "Finding"), ("truth", "Truth"))
TWO_MAPS = ("maps", "Both models")
LAYOUTS = (("one", "One"), ("views", "CC and MLO"), ("breasts", "Both breasts"), ("all", "All"))
OUTCOMES = {
    "abnormal": "known to be abnormal",
    "normal": "known to be normal",
    "unknown": "truth unknown",
}
NEVER = -99.0  # stands for the score of a finding that no candidate marks


class MappedRun:
    """What the heatmap stage left of a run, by mammogram.

    Attributes:
        name: what tells its maps from those of another run.
        images: images.csv joined with mammograms.csv, the highest score first.
    """

    def __init__(self, run: RunFolder, name: str = "", summary: Mapping | None = None):
        """`summary` is what heatmap.json says, or is about to say."""
        self.run, self.name = run, name
        self.summary: Mapping[str, Any] = summary or read_json(run.heatmap_summary) or {}
        text = dict.fromkeys(("image_id", "patient_id", "split", "outcome"), str)
        images = read_csv_table(run.images, text, rest=None, written_by="make heatmap")
        mammograms = read_mammograms(run)
        new = ["image_id", *(name for name in mammograms if name not in images)]
        images = images.merge(mammograms[new], on="image_id", how="left", validate="1:1")
        self.images = images.sort_values("score", ascending=False, kind="stable")

    @property
    def highest(self) -> float:
        """The highest probability that is shown."""
        return self.summary.get("highest_probability", 1.0)

    def said(self, probability: float) -> str:
        """A probability in words; tables have nine digits of it, and the cap may have more."""
        capped = self.highest < 1 and probability > self.highest - 1e-6
        return percent(self.highest if capped else probability, self.highest)

    @cached_property
    def outlines(self) -> Mapping[str, Sequence[Outline]]:
        """Of each image, in original pixels."""
        return read_outlines(self.run)

    @cached_property
    def regions(self) -> "RowsOf":
        """Rows of regions.csv."""
        return RowsOf(self.run.regions)

    @cached_property
    def candidates(self) -> "RowsOf":
        """Rows of candidates.csv."""
        return RowsOf(self.run.candidates)

    @property
    def columns(self) -> list[str]:
        """Heads of the table of regions."""
        return [
            *("region", "highest", "mean"),
            *(["sd of log odds"] if self.summary.get("copies") else []),
            *(["as a finding"] if self.summary.get("candidate_score") else []),
            *("area in mm²", "diameter in mm", "centre (row, column)"),
        ]

    def map_of(self, image_id: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """The map of a mammogram with its regions, as the viewer takes them."""
        rows = self.regions.get(image_id)
        found = [] if rows is None else rows.to_dict("records")
        peaks = [self.said(region["peak_probability"]) for region in found]
        return {
            **entry["map"],
            "name": self.name,
            "regions": entry["regions"],
            "names": [
                f"{region['rank']}: {peak}" for region, peak in zip(found, peaks, strict=True)
            ],
            "table": [
                {
                    "row": float(region["centroid_row"]),
                    "col": float(region["centroid_col"]),
                    "cells": self._cells(region, peak),
                }
                for region, peak in zip(found, peaks, strict=True)
            ],
        }

    def _cells(self, region: Mapping[str, Any], peak: str) -> list[str]:
        spread, as_finding = (
            [words(region[column])] if self.summary.get(key) else []
            for key, column, words in (
                ("copies", "logit_sd", lambda sd: number(sd, 2, undefined="")),
                ("candidate_score", "candidate_probability", percent),
            )
        )
        return [
            *(str(region["rank"]), peak, self.said(region["mean_probability"])),
            *(*spread, *as_finding),
            f"{region['area_mm2']:.0f}",
            number(region["diameter_mm"], 0, undefined=""),
            f"{region['centroid_row']:.0f}, {region['centroid_col']:.0f}",
        ]

    def item_of(self, image: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
        """A mammogram as the viewer takes it; `image` is a row of `images`."""
        image_id, outcome = image["image_id"], image["outcome"]
        found = self.outlines.get(image_id, [])
        view = f"{image['laterality']} {image['view']}".strip()
        probability = f"highest probability {self.said(image['probability'])}"
        best = image["candidate_probability"]
        # empty unless the model has a fitted score
        finding = percent(best) if best == best else ""
        probability += f", best candidate {finding}" if finding else ""
        facts = {name: image[name] for name in ("density", "site", "scanner") if image[name]}
        return {
            "id": image_id,
            "title": f"{image_id} {view}".strip(),
            "patient": image["patient_id"],
            "side": image["laterality"],
            "wall_at_right": bool(image["flipped"]),
            "view": image["view"],
            "density": image["density"],
            "kinds": sorted({outline.kind for outline in found}),
            "truth": entry["truth"],
            "outcome": outcome,
            "outcome_words": OUTCOMES[outcome],
            "truth_words": _truth_in_words(outcome, found),
            "facts": ", ".join([probability, *(f"{name} {of}" for name, of in facts.items())]),
            "highest": self.said(image["probability"]),
            "as_finding": finding,
            "score": float(image["score"]),
            "miss": self._miss(image_id, found),
            "alarm": self._alarm(image),
            "doubt": self._doubt(image, entry),
            **{name: entry[name] for name in ("picture", "field", "spacing_mm")},
        }

    def _miss(self, image_id: str, found: Iterable[Outline]) -> float | None:
        """The best score of the finding that has the lowest; None without a finding."""
        rows = self.candidates.get(image_id)
        best = {} if rows is None else rows.groupby("finding_id")["score"].max().to_dict()
        scores = [float(best.get(of.finding_id, NEVER)) for of in found if of.positive]
        return min(scores, default=None)

    def _alarm(self, image: Mapping[str, Any]) -> float | None:
        """The best score of a candidate that marks nothing; None where it may mark something."""
        rows = self.candidates.get(image["image_id"])
        if rows is None or image["outcome"] == "unknown" or image["unlocated"]:
            return None
        false = rows.loc[rows["finding_id"] == "", "score"]
        return float(false.max()) if len(false) else None

    def _doubt(self, image: Mapping[str, Any], entry: Mapping[str, Any]) -> float:
        if entry["spread"] is not None:
            return entry["spread"]
        return -abs(_log_odds(image["probability"]) - _log_odds(self.summary["region_threshold"]))


class RowsOf:
    """A table of the heatmap stage by image."""

    def __init__(self, path: Path):
        text = {"image_id": str, "finding_id": str}
        self._table = read_csv_table(path, text, rest=None, written_by="make heatmap")
        self._places = self._table.groupby("image_id").indices

    def get(self, image_id: str) -> pd.DataFrame | None:
        """Its rows by rank; None where it has none."""
        places = self._places.get(image_id)
        return None if places is None else self._table.iloc[places].sort_values("rank")


def entry_of(run: RunFolder, image_id: str) -> dict[str, Any] | None:
    """What RUN/viewer has of a mammogram; None where older code made the maps."""
    return read_json(run.viewer_entry(image_id))


def pages_of(first: MappedRun) -> list[list[str]]:
    """The mammograms of each page, by id: those of a woman together, the best candidates first.

    Those that older code mapped have nothing to show and are on none.
    """
    there = {path.stem for path in first.run.viewer.glob("*.json")}
    images = first.images[first.images["image_id"].isin(there)]
    woman, _ = pd.factorize(images["patient_id"])
    ordered = images["image_id"].iloc[np.argsort(woman, kind="stable")].tolist()
    pages: list[list[str]] = []
    done = 0
    for count in np.bincount(woman):
        if not pages or len(pages[-1]) + count > PER_PAGE:
            pages.append([])
        pages[-1] += ordered[done : done + count]
        done += count
    return pages


def gallery_page(
    runs: Sequence[MappedRun], image_ids: Sequence[str], *, warning: str = ""
) -> dict[str, Any]:
    """What gallery.html shows of some mammograms.

    Args:
        runs: the first gives pictures, numbers and order, and each its map.
        warning: stands above every mammogram.
    """
    first, items, thumbnails = runs[0], [], {}
    rows = first.images[first.images["image_id"].isin(image_ids)]
    for image in rows.to_dict("records"):
        image_id = image["image_id"]
        entries = [(run, entry_of(run.run, image_id)) for run in runs]
        maps = [run.map_of(image_id, entry) for run, entry in entries if entry]
        own = entries[0][1]
        assert own is not None  # those without it are on no page
        items.append({**first.item_of(image, own), "maps": maps})
        thumbnails[image_id] = own["thumbnail"]
    scale = ProbabilityScale(low=first.summary["natural_prior"])
    threshold = first.summary["region_threshold"]
    by_doubt = BY_SPREAD if first.summary.get("copies") else BY_THRESHOLD
    return {
        "orders": [*ORDERS, ("doubt", "doubt", by_doubt)],
        "filters": list(_filters(items)),
        "layouts": [*LAYOUTS, *([TWO_MAPS] if len(runs) > 1 else [])],
        "threshold": percent(threshold),
        "warning": warning,
        "thumbnails": thumbnails,
        "data": {
            "columns": first.columns,
            "items": items,
            "highest": first.highest,
            "threshold": {"share": float(scale.share(np.array(threshold)))},
            "scale": {
                "low": scale.low,
                "high": scale.high,
                "colours": base64.b64encode(
                    np.rint(255 * scale.table()).astype(np.uint8).tobytes()
                ).decode(),
                "ticks": scale.ticks(),
            },
        },
    }


def _filters(items: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, str, list[str]]]:
    """Those that tell some mammograms from others."""
    for name, title in FILTERS:
        key = "outcome" if name == "truth" else name
        values = {
            value
            for item in items
            for value in (item[key] if isinstance(item[key], list) else [item[key]])
        }
        if len(values) > 1 or (name == "kinds" and values):
            yield key, title, sorted(filter(None, values))


def _truth_in_words(outcome: str, found: Sequence[Outline]) -> str:
    names = [
        f"{outline.kind.replace('_', ' ')}, {outline.pathology}"
        + ("" if outline.positive else " (dotted: does not count as abnormal)")
        for outline in found
    ]
    if not names:
        return OUTCOMES[outcome].capitalize() + (
            ", not outlined." if outcome == "abnormal" else "."
        )
    return f"{OUTCOMES[outcome].capitalize()}: {'; '.join(names)}."


def _log_odds(probability: float) -> float:
    p = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(p / (1 - p))
