"""The heatmap stage: map, picture, candidates and regions of each test mammogram."""

import sys
import time
from collections.abc import Iterator, Mapping

import pandas as pd

from pipeline.annotations.outlines import read_outlines
from pipeline.heatmap import results
from pipeline.heatmap.work import Described, Work, describe_image, write_tables
from pipeline.model.card import ModelCard, model_folder, read_card
from pipeline.model.folder import load_network
from pipeline.model.map_grid import map_pitch_px
from pipeline.model.maps import map_image, write_map
from pipeline.model.seen_patients import (
    calibration_overlap,
    calibration_patients,
    training_overlap,
    training_patients,
)
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.report.run_page import write_report
from pipeline.run.atomic import json_text, write_text
from pipeline.run.code import git_commit
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.progress import shown
from pipeline.run.settings import recall
from pipeline.run.stage import Stage
from pipeline.run.words import duration, percent

# For the estimate before the start, measured on 2 cores.
SECONDS_TO_START = 10
SECONDS_PER_MEGAPIXEL = 0.25  # and copy, mirrored or of another network
SECONDS_PER_PICTURE = 0.5
BYTES_PER_IMAGE = 1_200_000  # and picture


def heatmap(stage: Stage) -> str:
    """Map the test mammograms of a run and write its maps, pictures and tables.

    The results of before stay until the new ones are whole; a stopped run goes on from the maps
    that it has made.

    Returns:
        A line that sums up.

    Raises:
        UserError: there is no model or no test mammogram, or they do not fit each other.
    """
    started = time.monotonic()
    trained = read_card(model_folder(stage.run))
    card = trained.with_prior(stage.settings.heatmap.prior)
    mammograms = _test_mammograms(stage.run, card)
    _announce(stage, mammograms, card)
    work, network = _prepare(stage, card)
    made = _make_maps(work, network, list(_rows(mammograms)))
    mapped = time.monotonic()
    described = _describe(stage.run, work, mammograms)
    summary = _summary(stage.run, work, described) | {
        "counted_prior": trained.calibration.natural_prior,
        **_calibrated_on(card, mammograms),
        **_trained_on(card, mammograms),
    }
    _put_in_place(stage.run, work, described)
    stage.events.metrics(
        {
            "images": len(described),
            "regions": summary["regions"],
            "maps_per_second": made / (mapped - started),
            "images_per_second": len(described) / (time.monotonic() - started),
        }
    )
    stage.events.artifact(stage.run.regions)
    for image_id in described:
        stage.events.artifact(stage.run.overlay(image_id), folder="heatmaps")
        if work.draws_uncertainty:
            picture = stage.run.uncertainty_picture(image_id)
            stage.events.artifact(picture, folder="uncertainty")
    write_text(stage.run.heatmap_summary, json_text(summary))
    write_report(stage.run)
    stage.events.artifact(stage.run.report)
    return (
        f"{len(described)} mammograms, {summary['regions']} regions above "
        f"{percent(card.region_threshold)} at a prior of "
        f"{percent(card.calibration.natural_prior)} in {duration(time.monotonic() - started)}; "
        f"pictures in {stage.run.overlays}"
    )


def _test_mammograms(run: RunFolder, card: ModelCard) -> pd.DataFrame:
    mammograms = read_mammograms(run)
    chosen = mammograms[mammograms["split"] == "test"]
    if chosen.empty:
        raise UserError(
            f"{run.mammograms} has no test mammogram. Give split.test more than 0, or fix the "
            "split with a table split.csv."
        )
    other = chosen[(chosen["spacing_mm"] - card.image.spacing_mm).abs() > 1e-6]
    if len(other):
        raise UserError(
            f"The mammograms of {run.root} are prepared at {other['spacing_mm'].iloc[0]:g} mm per "
            f"pixel, and the model in {card.folder} expects {card.image.spacing_mm:g} mm. "
            "Leave image.spacing_mm to the model, or train one for this spacing."
        )
    return chosen


def _announce(stage: Stage, mammograms: pd.DataFrame, card: ModelCard) -> None:
    """Say how long it may take and check that the disk has room."""
    count = len(mammograms)
    pictures = 2 if stage.settings.heatmap.uncertainty and card.copies > 1 else 1
    megapixels = float((mammograms["height"] * mammograms["width"]).sum()) / 1e6
    mapping = megapixels * card.copies * SECONDS_PER_MEGAPIXEL
    seconds = SECONDS_TO_START + mapping + count * pictures * SECONDS_PER_PICTURE
    needed = count * pictures * BYTES_PER_IMAGE
    print(
        f"heatmap: {count} mammograms of {megapixels:.0f} megapixels together: on 2 cores about "
        f"{duration(seconds)}; {needed / 1e6:.0f} MB",
        flush=True,
    )
    results.check_disk(stage.run.root, needed)


def _prepare(stage: Stage, card: ModelCard):
    """The work and the network."""
    settings = stage.settings.heatmap
    network = load_network(card.folder)
    pitch_px = map_pitch_px(
        pitch_mm=card.maps.pitch_mm,
        spacing_mm=card.image.spacing_mm,
        stride_px=network.stride_px,
        label_pitch_px=card.label_pitch_px,
    )
    name = recall(stage.run).model or stage.run.root.as_posix()
    folder = results.unfinished(stage.run)
    return Work(card, name, settings, folder, pitch_px, git_commit()[0]), network


def _make_maps(work: Work, network, mammograms: list[dict]) -> int:
    """Make the maps that an earlier attempt has not made; returns how many."""
    missing = [
        m
        for m in mammograms
        if not results.has_map(work.folder, m["image_id"], key=work.map_key(m))
    ]
    if len(missing) < len(mammograms):
        print(f"heatmap: {len(mammograms) - len(missing)} maps are there from before", flush=True)
    for mammogram in shown(missing, len(missing), "heatmap: maps"):
        image_map = map_image(
            network,
            work.card.calibration,
            mammogram,
            pitch_px=work.pitch_px,
            tile_px=work.settings.tile_px,
            flips=work.card.maps.flips,
            zooms=work.card.maps.zooms,
            smooth_cells=work.card.maps.smooth_mm / work.pitch_mm,
            level_share=work.card.maps.level_share,
            level=work.card.level,
        )
        path = work.folder.heatmap(mammogram["image_id"])
        write_map(path, image_map, key=work.map_key(mammogram))
    return len(missing)


def _describe(run: RunFolder, work: Work, mammograms: pd.DataFrame) -> dict[str, Described]:
    """Pictures and tables of all images, by image id."""
    outlines = read_outlines(run)
    positions = read_positions(run)
    by_image = dict(iter(positions.groupby("image_id")))
    none = positions.iloc[:0]
    described = {}
    for mammogram in shown(_rows(mammograms), len(mammograms), "heatmap: pictures"):
        image_id = mammogram["image_id"]
        described[image_id] = describe_image(
            work, mammogram, outlines.get(image_id, []), by_image.get(image_id, none)
        )
    return described


def _put_in_place(run: RunFolder, work: Work, described: dict[str, Described]) -> None:
    """Replace maps, pictures and tables of before."""
    images = list(described)
    uncertain = images if work.draws_uncertainty else []
    results.put_in_place(work.folder, run, images, uncertain=uncertain)
    write_tables(run, described)


def _summary(run: RunFolder, work: Work, described: dict[str, Described]) -> dict:
    """What heatmap.json says: the counts, and what the numbers were made with."""
    calibration = work.card.calibration
    return {
        "images": len(described),
        "regions": sum(len(d.regions) for d in described.values()),
        "model": work.model_name,
        "model_of_this_run": not recall(run).model,
        "model_sha256": work.card.sha256,
        "natural_prior": calibration.natural_prior,
        "region_threshold": work.card.region_threshold,
        "pitch_mm": work.pitch_mm,
        "flips": work.card.maps.flips,
        "copies": work.caption.copies,
        "commit": work.commit,
    }


def _calibrated_on(card: ModelCard, mammograms: pd.DataFrame) -> dict:
    """For a model that was calibrated after its training: on whom, and who of them is here."""
    if not card.calibrated_on:
        return {}
    same, here = calibration_patients(card, mammograms), mammograms["patient_id"].nunique()
    if same:
        print(
            f"heatmap: warning: {calibration_overlap(same, of=here)}", file=sys.stderr, flush=True
        )
    kept = card.calibrated_on.model_dump(include={"patients", "lesions", "date"})
    return {"calibrated_on": {**kept, "patients_here": same, "of_patients_here": here}}


def _trained_on(card: ModelCard, mammograms: pd.DataFrame) -> dict:
    """How many of the patients the model was trained on, if any."""
    same, here = training_patients(card, mammograms), mammograms["patient_id"].nunique()
    if not same:
        return {}
    print(f"heatmap: warning: {training_overlap(same, of=here)}", file=sys.stderr, flush=True)
    return {"trained_on": {"patients_here": same, "of_patients_here": here}}


def _rows(table: pd.DataFrame) -> Iterator[Mapping]:
    return iter(table.to_dict("records"))
