"""The mammograms of the report: picture and regions of each, the highest probability first."""

from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from pipeline.pages.pictures import ALL_PICTURES_BYTES, picture_address
from pipeline.preprocess.tables import read_mammograms
from pipeline.run.layout import RunFolder
from pipeline.run.words import percent

PICTURES = 400  # more make the page slow; the others keep their row and their file


@dataclass(frozen=True)
class Shown:
    """One mammogram of the page; `picture` is empty where there is none."""

    image_id: str
    view: str
    outcome: str
    probability: str
    regions: list[dict[str, str]]
    picture: Markup
    picture_file: str


def read_gallery(run: RunFolder) -> list[Shown]:
    """All mapped mammograms, the highest probability first; empty before heatmap."""
    if not (run.images.is_file() and run.regions.is_file()):
        return []
    images = pd.read_csv(run.images, dtype={"image_id": str}, keep_default_na=False).sort_values(
        "logit", ascending=False, kind="stable"
    )
    regions = pd.read_csv(run.regions, dtype={"image_id": str})
    by_image = dict(iter(regions.groupby("image_id")))
    views = _views(run)
    budget = ALL_PICTURES_BYTES // max(1, min(len(images), PICTURES))
    return [
        Shown(
            image_id=row.image_id,
            view=views.get(row.image_id, ""),
            outcome=row.outcome,
            probability=percent(row.score),
            regions=_region_rows(by_image.get(row.image_id)),
            picture=_picture(run, row.image_id, budget) if index < PICTURES else Markup(""),
            picture_file=f"{run.overlays.name}/{row.image_id}.png",
        )
        for index, row in enumerate(images.itertuples())
    ]


def _spread(region) -> str:
    """How far copies of the map differ; empty for one copy, and in tables older than this."""
    spread = getattr(region, "logit_sd", float("nan"))
    return "" if pd.isna(spread) else f"{spread:.2f}"


def _picture(run: RunFolder, image_id: str, budget: int) -> Markup:
    path = run.overlay(image_id)
    return picture_address(path, budget_bytes=budget) if path.is_file() else Markup("")


def _views(run: RunFolder) -> dict[str, str]:
    if not run.mammograms.is_file():
        return {}
    return {
        row.image_id: f"{row.laterality} {row.view}".strip()
        for row in read_mammograms(run).itertuples()
    }


def _region_rows(regions: pd.DataFrame | None) -> list[dict[str, str]]:
    if regions is None:
        return []
    return [
        {
            "rank": f"{row.rank}",
            "peak": percent(row.peak_probability),
            "mean": percent(row.mean_probability),
            "spread": _spread(row),
            "area": f"{row.area_mm2:.0f}",
            "centroid": f"{row.centroid_row:.0f}, {row.centroid_col:.0f}",
            "box": f"{row.row0:.0f} to {row.row1:.0f}, {row.col0:.0f} to {row.col1:.0f}",
        }
        for row in regions.sort_values("rank").itertuples()
    ]
