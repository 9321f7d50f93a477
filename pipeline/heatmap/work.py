"""What is the same for all images of one heatmap run, and what is made of one image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.annotations.outlines import Outline
from pipeline.config import HeatmapSettings
from pipeline.heatmap import tables
from pipeline.heatmap.overlay import write_overlay
from pipeline.heatmap.regions import Regions, find_regions
from pipeline.heatmap.sheet import Caption
from pipeline.heatmap.uncertainty import write_uncertainty
from pipeline.model.candidates import find_candidates
from pipeline.model.card import ModelCard
from pipeline.model.maps import ImageMap, read_map
from pipeline.run.checksum import value_sha256
from pipeline.run.layout import RunFolder


@dataclass(frozen=True)
class Work:
    """The model, the settings and the places of one heatmap run.

    Attributes:
        model_name: as the pictures name the model.
        folder: where maps and pictures lie until all are whole.
        pitch_px: distance between positions of the map, in standard pixels.
        commit: git commit of the code.
    """

    card: ModelCard
    model_name: str
    settings: HeatmapSettings
    folder: RunFolder
    pitch_px: int
    commit: str

    @property
    def pitch_mm(self) -> float:
        """Distance between positions of the map."""
        return self.pitch_px * self.card.image.spacing_mm

    @property
    def caption(self) -> Caption:
        return Caption(
            model=self.model_name,
            prior=self.card.calibration.natural_prior,
            threshold=self.card.region_threshold,
            prior_is_set=self.settings.prior is not None,
            copies=copies_in_words(self.card),
        )

    @property
    def draws_uncertainty(self) -> bool:
        """Whether each map gets a picture of how far its copies differ."""
        return self.settings.uncertainty and self.card.copies > 1

    def map_key(self, mammogram: Mapping) -> str:
        """Everything that a map depends on, as a hash."""
        return value_sha256(
            {
                "model": self.card.sha256,
                "calibration": vars(self.card.calibration),
                "pitch_px": self.pitch_px,
                "flips": self.card.maps.flips,
                "zooms": self.card.maps.zooms,
                "smooth_mm": self.card.maps.smooth_mm,
                "level": [self.card.maps.level_share, self.card.level],
                "store": mammogram["store"],
                "commit": self.commit,
            }
        )


def copies_in_words(card: ModelCard) -> str:
    """What the spread of a map is over; empty where there is one copy."""
    copies = f"{card.maps.flips} mirrored copies" if card.maps.flips > 1 else ""
    sizes = f"{len(card.maps.zooms)} sizes" if len(card.maps.zooms) > 1 else ""
    networks = f"{card.network.members} networks" if card.network.members > 1 else ""
    return " of each of ".join(filter(None, (copies, sizes, networks)))


@dataclass(frozen=True)
class Described:
    """The tables of one image."""

    regions: pd.DataFrame
    candidates: pd.DataFrame
    image: dict
    predictions: pd.DataFrame


def describe_image(
    work: Work, mammogram: Mapping, outlines: Sequence[Outline], positions: pd.DataFrame
) -> Described:
    """Read the map of an image, draw its pictures and return its tables.

    Args:
        mammogram: row of mammograms.csv.
        outlines: its outlines, in original pixels.
        positions: its rows of positions.parquet.
    """
    image_id = mammogram["image_id"]
    image_map = read_map(work.folder.heatmap(image_id))
    described, regions = tabulate(work, mammogram, image_map, positions)
    picture = work.folder.overlay(image_id)
    write_overlay(picture, mammogram, image_map, regions, outlines, work.caption)
    if work.draws_uncertainty:
        picture = work.folder.uncertainty_picture(image_id)
        write_uncertainty(picture, mammogram, image_map, regions, work.caption)
    return described


def tabulate(
    work: Work, mammogram: Mapping, image_map: ImageMap, positions: pd.DataFrame
) -> tuple[Described, Regions]:
    """The tables of an image and its regions.

    Args:
        mammogram: row of mammograms.csv.
        positions: its rows of positions.parquet.
    """
    regions = find_regions(
        image_map,
        threshold=work.card.region_threshold,
        min_area_mm2=work.settings.min_region_mm2,
        pitch_mm=work.pitch_mm,
        original_height=int(mammogram["original_height"]),
        original_width=int(mammogram["original_width"]),
    )
    candidates = find_candidates(
        image_map,
        distance_mm=work.card.maps.candidate_distance_mm,
        pitch_mm=work.pitch_mm,
        limit=work.card.maps.max_candidates,
    )
    steps = work.card.label_pitch_px // work.pitch_px
    predictions = tables.predict_positions(positions, image_map, steps=steps)
    image = tables.image_row(mammogram, image_map)
    return Described(regions.table, candidates, image, predictions), regions


def write_tables(run: RunFolder, described: Mapping[str, Described]) -> None:
    """Write the tables of all images, by image id, into a run."""
    regions = tables.join_regions({i: d.regions for i, d in described.items()})
    tables.write_csv(run.regions, regions)
    candidates = tables.join_candidates({i: d.candidates for i, d in described.items()})
    tables.write_csv(run.candidates, candidates)
    images = pd.DataFrame([d.image for d in described.values()], columns=tables.IMAGE_COLUMNS)
    tables.write_csv(run.images, images)
    predictions = pd.concat([d.predictions for d in described.values()], ignore_index=True)
    tables.write_parquet(run.predictions, predictions)
