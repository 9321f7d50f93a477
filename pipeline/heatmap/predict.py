"""What a model says of mammograms by themselves: files in, regions out, no run folder.

A file goes the one way: catalog, store entry, map, candidates and regions. Of one woman's files
the other breast counts for the scores, as it does in a run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.config import Settings
from pipeline.heatmap.image_tables import ImageTables, other_breasts, region_table, tabulate
from pipeline.ingest import dicom_folder
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.importers import Request
from pipeline.ingest.pseudonymised import pseudonymised
from pipeline.ingest.source_files import SourceFile
from pipeline.model.card import ModelCard
from pipeline.model.card_parts import PHANTOM
from pipeline.model.image_map import ImageMap, Mapper, map_mammogram
from pipeline.model.training_data import DRAWINGS, Doubt, doubts_of
from pipeline.preprocess.accept import accept
from pipeline.preprocess.intake.intake_csv import FAILED, USED, intake_counts, intake_table
from pipeline.preprocess.store.fill import fill_store
from pipeline.preprocess.tables import POSITION_SCHEMA
from pipeline.run.csv_tables import write_csv
from pipeline.run.layout import RunFolder
from pipeline.run.progress import shown
from pipeline.run.pseudonyms import Pseudonyms, original
from pipeline.run.words import aligned, percent

if TYPE_CHECKING:
    from pipeline.heatmap.pictures.map_pictures import Caption

DRAWN_BY = "SYNTHETIC"  # the maker that the phantom's files name


@dataclass(frozen=True)
class Found:
    """What there is of a mammogram that is used."""

    mammogram: Mapping[str, Any]  # its row of mammograms.csv
    image_map: ImageMap
    tables: ImageTables


@dataclass(frozen=True)
class Predicted:
    """What became of all files."""

    # the columns of intake.csv, a row for each file, in the order of their names
    intake: pd.DataFrame
    found: dict[str, Found]  # of the mammograms that are used, by the name of the file
    doubts: list[Doubt]  # why their maps deserve less trust, the worst reason first


def predict(
    files: Sequence[SourceFile],
    settings: Settings,
    card: ModelCard,
    mapper_of: Callable[[], Mapper],
    *,
    pseudonyms: Pseudonyms | None = None,
) -> Predicted:
    """Map the mammograms among the files and find their regions.

    Args:
        files: each under a name of its own.
        settings: `image`, `labels` and `maps` are the model's; the entries of the mammograms are
            written into `store.root`, tables of findings are read where `data` names them.
        card: of the model, with the prior that shall be used.
        mapper_of: gives its network; only called where there is a mammogram.
        pseudonyms: stand for the names of files in all tables; without them the names themselves.

    Raises:
        UserError: the disk has too little room, or the model is damaged.
    """
    wrapped = settings.store.root / "dicom"
    request = Request(settings.data, settings.phantom, tuple(files), wrapped, limits=settings.dicom)
    catalog = dicom_folder.read(request, copies_count=True)
    if pseudonyms:
        catalog = pseudonymised(catalog, pseudonyms.of)
        pseudonyms.keep()  # before anything goes by them
    catalog = _without_patient_ids(catalog)
    outcomes = fill_store(catalog.images, settings)
    accepted = accept(catalog, outcomes, settings, all_test=True)
    mammograms = accepted.mammograms
    mammograms.loc[mammograms["scanner"].str.startswith(DRAWN_BY), "dataset"] = PHANTOM
    split = dict.fromkeys(mammograms["image_id"], "test")
    intake = intake_table(catalog, outcomes, split=split, notes=accepted.notes)
    if mammograms.empty:
        return Predicted(intake, {}, [])
    mapper = mapper_of()
    rule = card.map_rule(stride_px=mapper.stride_px)
    rows = mammograms.to_dict("records")
    maps = [
        map_mammogram(row, mapper, rule, card.calibration) for row in shown(rows, len(rows), "maps")
    ]
    found = {}
    others = other_breasts(rows, maps, rule)
    for row, image_map, other in zip(rows, maps, others, strict=True):
        tables = tabulate(
            row,
            image_map,
            POSITION_SCHEMA.empty_table().to_pandas(),
            (),
            rule,
            card,
            other=other,
            min_area_mm2=settings.heatmap.min_region_mm2,
        )
        found[row["source"]] = Found(row, image_map, tables)
    counts = intake_counts(intake)
    doubts = doubts_of(card, mammograms, used=counts[USED], failed=counts[FAILED])
    return Predicted(intake, found, doubts)


def _without_patient_ids(catalog: Catalog) -> Catalog:
    """The catalog with numbers in the place of Patient IDs, which nobody needs any more."""
    numbers = pd.factorize(catalog.images["patient_id"])[0] + 1
    images = catalog.images.assign(patient_id=[f"woman-{number}" for number in numbers])
    return replace(catalog, images=images)


def write_predicted(folder: Path, predicted: Predicted, caption: "Caption") -> None:
    """Write regions.csv, intake.csv and overlays/, named as in a run folder.

    The notes of a mammogram in intake.csv also say why its map deserves less trust.
    """
    from pipeline.heatmap.pictures.map_pictures import write_overlay  # takes a second

    out = RunFolder(folder)
    found = predicted.found.values()
    for each in shown(found, len(found), "pictures"):
        overlay = out.overlay(each.mammogram["image_id"])
        regions = each.tables.regions
        write_overlay(overlay, each.mammogram, each.image_map, regions, (), caption)
    doubts = "; ".join(doubt.text for doubt in predicted.doubts)
    intake = predicted.intake.copy()
    if doubts:
        used = intake["status"] == USED
        notes = intake.loc[used, "notes"]
        intake.loc[used, "notes"] = notes.where(notes == "", notes + "; ") + doubts
    write_csv(out.intake, intake)
    write_csv(out.regions, region_table(each.tables for each in found), float_format="%.9g")


def predicted_text(predicted: Predicted, card: ModelCard) -> str:
    """What became of each file, and the regions of each mammogram, as tables for the terminal.

    Files are called by their names, of which the tables may have pseudonyms. That a model has seen
    drawings only is said before anything is done.
    """
    heads = ("", "side", "view", "region", "probability", "marks a finding", "at row, col", "mm")
    rows = [heads]
    notes = [f"WARNING: {d.text}" for d in predicted.doubts if d.short != DRAWINGS.short]
    ends = [(original(file["file"]), file) for file in predicted.intake.to_dict("records")]
    for name, file in sorted(ends, key=lambda end: end[0]):
        if file["notes"]:
            notes.append(f"note: {name}: {file['notes']}")
        if file["file"] not in predicted.found:
            notes.append(f"{file['status']}: {name}: {file['reason']}")
            continue
        found = predicted.found[file["file"]]
        of_image = name, file["laterality"] or "?", file["view"] or "?"
        regions = found.tables.regions.table.to_dict("records")
        for region in regions:
            score = region["candidate_probability"]
            rows.append(
                (
                    *of_image,
                    str(region["rank"]),
                    percent(region["peak_probability"], card.calibration.highest),
                    "" if pd.isna(score) else percent(score),
                    f"{round(region['peak_row'])}, {round(region['peak_col'])}",
                    f"{region['height_mm']:.0f} x {region['width_mm']:.0f}",
                )
            )
            of_image = ("", "", "")
        if not regions:
            highest = percent(found.tables.image["probability"], card.calibration.highest)
            rows.append((*of_image, "none", f"at most {highest}", "", "", ""))
    table = [aligned(rows)] if len(rows) > 1 else []
    return "\n".join([*notes, *table])
