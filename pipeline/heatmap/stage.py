"""The heatmap stage: map, picture, candidates and regions of each test mammogram."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.annotations.outlines import read_outlines
from pipeline.config import HeatmapSettings
from pipeline.heatmap.describe_mammogram import DescribeJob, describe
from pipeline.heatmap.image_tables import ImageTables, other_breasts, write_tables
from pipeline.heatmap.map_set import MapSet
from pipeline.heatmap.pictures.map_pictures import Caption
from pipeline.model.card import ModelCard, model_folder, read_card
from pipeline.model.fit import support_text
from pipeline.model.folder import network_mapper
from pipeline.model.image_map import Mapper, read_map
from pipeline.model.seen_patients import warn_of_overlap
from pipeline.model.training_data import doubts_of
from pipeline.preprocess.tables import positions_by_image, read_mammograms
from pipeline.report.run_page import write_report
from pipeline.run.atomic import read_json, write_json
from pipeline.run.code import git_commit
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import Lost, Made, map_images
from pipeline.run.progress import Plan, shown
from pipeline.run.settings import recall
from pipeline.run.stage import Stage
from pipeline.run.words import duration, percent

# For the estimate before the start, measured on 2 cores.
SECONDS_TO_START, SECONDS_OF_WORKERS = 10, 4
SECONDS_PER_MEGAPIXEL = 0.25  # and copy, mirrored or of another network
SECONDS_PER_SEARCH = 0.005  # for the highest place
SECONDS_PER_PICTURE = 0.15
SECONDS_TO_REPORT = 2
STARTS, OTHER_BREASTS = "TensorFlow starts", "the other breasts"
IN_PROCESS = 48  # fewer pictures take less time than workers take to start
BYTES_PER_IMAGE = 1_200_000  # and picture
MOST_IN_MLFLOW = 500  # pictures; all are in the run folder

Row = dict[str, Any]  # of mammograms.csv


def heatmap(stage: Stage, *, mapper_of: Callable[[Path, int], Mapper] = network_mapper) -> str:
    """Map the test mammograms of a run and write its maps, pictures and tables.

    The results of before stay until the new ones are whole. Maps whose logits would be the same
    are not computed again: those of a stopped run, and those of before where only the prior, the
    regions or the pictures changed.

    Args:
        mapper_of: from the model folder and heatmap.tile_px, what maps.

    Raises:
        UserError: there is no model or no test mammogram, or they do not fit each other.
    """
    started = time.monotonic()
    run, settings = stage.run, stage.settings.heatmap
    trained = read_card(model_folder(run))
    card = trained.with_prior(settings.prior)
    mammograms = _test_mammograms(run, card)
    uncertainty = settings.uncertainty and card.copies > 1
    files = (read_json(run.intake_summary) or {}).get("files", {})
    used, failed = files.get("used", len(mammograms)), files.get("failed", 0)
    doubts = doubts_of(card, mammograms, used=used, failed=failed)
    plan = _announce(run, mammograms, card, pictures=1 + uncertainty)
    mapper = mapper_of(card.folder, settings.tile_px)
    rule = card.map_rule(stride_px=mapper.stride_px)
    maps = MapSet(run, card, rule)
    rows: list[Row] = mammograms.to_dict("records")
    made = maps.complete(rows, mapper, plan)
    mapped = time.monotonic()
    caption = Caption.of(
        card,
        model=recall(run).model or run.root.as_posix(),
        prior_is_set=settings.prior is not None,
        doubts=doubts,
    )
    described = _describe(maps, rows, caption, settings, plan, uncertainty=uncertainty)
    tables = write_tables(maps.unfinished, described)
    plan.say("report")
    maps.put_in_place([row["image_id"] for row in rows], uncertainty=uncertainty)
    regions = sum(len(each.regions.table) for each in tables)
    stage.events.metrics(
        {
            "images": len(tables),
            "regions": regions,
            "maps_per_second": made / (mapped - started),
            "images_per_second": len(tables) / (time.monotonic() - started),
        }
    )
    stage.events.artifact(run.regions)
    for image_id in shown_in_mlflow(tables):
        stage.events.artifact(run.overlay(image_id), folder="heatmaps")
        if uncertainty:
            stage.events.artifact(run.uncertainty_picture(image_id), folder="uncertainty")
    summary = {
        "images": len(tables),
        "regions": regions,
        "model": caption.model,
        "model_of_this_run": not recall(run).model,
        "model_sha256": card.sha256,
        "natural_prior": caption.prior,
        "region_threshold": caption.threshold,
        "highest_probability": caption.highest,
        "lesions_of_the_calibration": card.calibration.lesions,
        "pitch_mm": rule.pitch_mm,
        "flips": rule.flips,
        "copies": caption.copies,
        "candidate_score": card.candidate_score.in_words if card.candidate_score else "",
        "commit": git_commit()[0],
        "counted_prior": trained.calibration.natural_prior,
        "support": support_text(card.support) if card.support else "",
        "doubts": [doubt.text for doubt in doubts],
        **_patients_met(card, mammograms),
    }
    write_report(run, new_maps=summary)
    stage.events.artifact(run.report)
    write_json(run.heatmap_summary, summary)
    stage.events.parts(plan.spent())
    return (
        f"{len(tables)} mammograms, {regions} regions above {percent(caption.threshold)} at a "
        f"prior of {percent(caption.prior)} in {duration(time.monotonic() - started)}; "
        f"pictures in {run.overlays}" + (f". WARNING: {doubts[0].text}" if doubts else "")
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


def _announce(run: RunFolder, mammograms: pd.DataFrame, card: ModelCard, *, pictures: int) -> Plan:
    """Say how long it may take, part by part; refuse a disk with too little room."""
    count = len(mammograms)
    megapixels = float((mammograms["height"] * mammograms["width"]).sum()) / 1e6
    parts = {
        STARTS: SECONDS_TO_START,
        "maps": megapixels * card.copies * SECONDS_PER_MEGAPIXEL,
        OTHER_BREASTS: count * SECONDS_PER_SEARCH,
        "pictures": SECONDS_OF_WORKERS + count * pictures * SECONDS_PER_PICTURE,
        "report": SECONDS_TO_REPORT,
    }
    needed = count * pictures * BYTES_PER_IMAGE
    plan = Plan("heatmap", parts)
    print(
        f"heatmap: {count} mammograms of {megapixels:.0f} megapixels together, "
        f"{needed / 1e6:.0f} MB",
        flush=True,
    )
    free = shutil.disk_usage(run.root).free
    if free < needed:
        raise UserError(
            f"{run.root} has {free / 1e6:.0f} MB left, and the maps and pictures need about "
            f"{needed / 1e6:.0f} MB. Free some room, or take a RUN= on another disk."
        )
    plan.say(STARTS)
    return plan


def _describe(
    maps: MapSet,
    mammograms: Sequence[Row],
    caption: Caption,
    settings: HeatmapSettings,
    plan: Plan,
    *,
    uncertainty: bool,
) -> Iterator[ImageTables]:
    """Draw the pictures of all images; yields their tables, in order."""
    outlines, positions = read_outlines(maps.run), positions_by_image(maps.run)
    new = maps.unfinished
    plan.say(OTHER_BREASTS)
    found_maps = (read_map(new.heatmap(mammogram["image_id"])) for mammogram in mammograms)
    others = other_breasts(mammograms, found_maps, maps.rule)

    def job(number: int) -> DescribeJob:
        image_id = mammograms[number]["image_id"]
        return DescribeJob(
            mammogram=mammograms[number],
            positions=positions[image_id],
            outlines=outlines.get(image_id, []),
            other=float(others[number]),
            place=new,
            rule=maps.rule,
            card=maps.card,
            caption=caption,
            min_area_mm2=settings.min_region_mm2,
            uncertainty=uncertainty,
            images=len(mammograms),
        )

    count = len(mammograms)
    done = map_images(describe, Made(job, count), workers=0 if count < IN_PROCESS else None)
    ends = shown(done, count, "pictures", plan=plan)
    for image_id, found in zip((row["image_id"] for row in mammograms), ends, strict=True):
        if isinstance(found, Lost):
            raise UserError(
                f"The picture of {image_id} could not be drawn: {found.reason}. "
                "The same command goes on from there."
            )
        if isinstance(found, UserError):
            raise found
        yield found


def shown_in_mlflow(tables: Sequence[ImageTables]) -> list[str]:
    """The mammograms whose pictures go to MLflow: all, or those of the highest scores."""
    if len(tables) > MOST_IN_MLFLOW:
        print(
            f"heatmap: MLflow gets the pictures of the {MOST_IN_MLFLOW} mammograms with the "
            "highest scores",
            flush=True,
        )
    ranked = sorted(tables, key=lambda each: -each.image["score"])[:MOST_IN_MLFLOW]
    return sorted(each.image["image_id"] for each in ranked)


def _patients_met(card: ModelCard, mammograms: pd.DataFrame) -> dict[str, Any]:
    """What the summary says of the patients here that the model has met; warns of them."""
    calibrated, trained = warn_of_overlap("heatmap", card, mammograms)
    here = mammograms["patient_id"].nunique()
    met: dict[str, Any] = {}
    if card.calibrated_on:
        kept = card.calibrated_on.model_dump(include={"patients", "lesions", "date"})
        met["calibrated_on"] = {**kept, "patients_here": calibrated, "of_patients_here": here}
    if trained:
        met["trained_on"] = {"patients_here": trained, "of_patients_here": here}
    return met
