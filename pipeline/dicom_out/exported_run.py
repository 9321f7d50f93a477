"""The mapped mammograms of a run as DICOM objects.

Reads   RUN after heatmap, the source files, the store, the model's card
Writes  RUN/dicom/<image id>/{parametric-map,segmentation,overlay,report}.dcm
"""

import datetime
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydicom.dataset import Dataset

from pipeline.dicom.unusable import Unusable
from pipeline.dicom_out.detector_plane import detector_plane
from pipeline.dicom_out.object_origin import Origin
from pipeline.dicom_out.parametric_map import parametric_map
from pipeline.dicom_out.secondary_capture import secondary_capture
from pipeline.dicom_out.segmentation import segmentation
from pipeline.dicom_out.source_image import read_source
from pipeline.dicom_out.structured_report import structured_report
from pipeline.heatmap.image_tables import in_breast
from pipeline.heatmap.pictures.map_pictures import Caption
from pipeline.heatmap.regions import Regions, region_areas
from pipeline.model.card import ModelCard, model_folder, read_card
from pipeline.model.image_map import read_map
from pipeline.preprocess.tables import read_mammograms
from pipeline.run.atomic import read_json
from pipeline.run.checksum import file_sha256, value_sha256
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.errors import UserError
from pipeline.run.events import read_events
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import Lost, map_images
from pipeline.run.progress import shown
from pipeline.run.pseudonyms import original_path
from pipeline.run.settings import load_settings

OBJECTS = ("parametric-map", "segmentation", "overlay", "report")


def export_dicom(run: RunFolder, *, identified: bool = False) -> str:
    """Write the objects of all mapped mammograms; those of before stay until the new are whole.

    Args:
        identified: keep names, birth dates and the attributes of the study, too.

    Returns:
        What was made, and what was left out and why.

    Raises:
        UserError: there are no maps, they are of another model, a pseudonym leads nowhere, or
            nothing could be exported.
    """
    items = list(_items(run, identified=identified))
    new = RunFolder(run.root / "dicom.unfinished")
    shutil.rmtree(new.root, ignore_errors=True)
    new.root.mkdir(mode=0o700)  # the objects lead back to patients
    work = map_images(_export, items, workers=load_settings(run).dicom.workers)
    made, notes = 0, list[str]()
    for item, written in zip(items, shown(work, len(items), "export-dicom"), strict=True):
        image_id = item.mammogram["image_id"]
        if isinstance(written, Lost | Unusable):
            notes.append(f"{image_id}: left out: {written.reason}")
            continue
        made += len(written)
        if "parametric-map" not in written:
            notes.append(f"{image_id}: no Parametric Map: side, view or orientation is not known")
    text = "\n".join(notes)
    if not made:
        raise UserError(f"No object was made.\n{text}")
    shutil.rmtree(run.dicom, ignore_errors=True)
    new.root.replace(run.dicom)
    count = len(items)
    summary = (
        f"{made} objects of {count} mammogram{'s' * (count != 1)} in {run.dicom}, with the Patient "
        "IDs and UIDs of the source files: for the archive that has the mammograms."
    )
    return f"{text}\n{summary}".lstrip()


@dataclass(frozen=True)
class Item:
    """One mammogram to export."""

    run: RunFolder
    card: ModelCard
    mammogram: dict[str, Any]  # row of mammograms.csv
    file: Path  # its file, whose name in the row may be a pseudonym
    image: dict[str, Any]  # row of images.csv
    regions: pd.DataFrame  # rows of regions.csv, by rank
    summary: dict[str, Any]  # heatmap.json
    number: int  # among the mammograms of its patient, from 1
    made_at: float  # when the maps were made, in Unix seconds
    identified: bool


def _items(run: RunFolder, *, identified: bool) -> Iterator[Item]:
    summary = read_json(run.heatmap_summary)
    if summary is None:
        raise UserError(f"{run.root} has no maps yet. Run make heatmap first.")
    card = read_card(model_folder(run))
    if card.sha256 != summary["model_sha256"]:
        raise UserError(f"The maps of {run.root} are of another model. Run make heatmap first.")
    times = [event["time"] for event in read_events(run.events) if event["stage"] == "heatmap"]
    if not times:
        raise UserError(f"{run.events} does not say when the maps were made: make heatmap FORCE=1.")
    text = {"image_id": str, "patient_id": str}
    images = read_csv_table(run.images, text, rest=None, written_by="make heatmap")
    regions = read_csv_table(run.regions, text, rest=None, written_by="make heatmap")
    by_id = {row["image_id"]: row for row in images.to_dict("records")}
    mammograms = read_mammograms(run)
    mapped = mammograms[mammograms["image_id"].isin(by_id)]
    numbers = mapped.groupby("patient_id").cumcount() + 1
    for row, number in zip(mapped.to_dict("records"), numbers, strict=True):
        image_id = row["image_id"]
        yield Item(
            run=run,
            card=card,
            mammogram=row,
            file=original_path(row["file"]),
            image=by_id[image_id],
            regions=regions[regions["image_id"] == image_id].sort_values("rank"),
            summary=summary,
            number=int(number),
            made_at=max(times),
            identified=identified,
        )


def _export(item: Item) -> list[str] | Unusable:
    """Write the objects of one mammogram.

    Returns:
        Those of OBJECTS that were made, or why none was.
    """
    try:
        source = read_source(item.mammogram, item.file, identified=item.identified)
    except Unusable as reason:
        return reason
    objects = {name: made for name, made in _objects(item, source).items() if made is not None}
    folder = item.run.root / "dicom.unfinished" / item.mammogram["image_id"]
    folder.mkdir(parents=True)
    for name, made in objects.items():
        made.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    return list(objects)


def _objects(item: Item, source: Dataset) -> dict[str, Dataset | None]:
    mammogram, summary = item.mammogram, item.summary
    path = item.run.heatmap(mammogram["image_id"])
    image_map, origin = read_map(path), _origin(item, source, map_sha256=file_sha256(path))
    side = _side(item)
    pitch_px = round(summary["pitch_mm"] / item.card.image.spacing_mm)
    searched = in_breast(mammogram, image_map, item.card.map_rule(stride_px=pitch_px))
    areas = region_areas(searched, item.regions, threshold_logit=item.card.threshold_logit)
    regions = Regions(item.regions, areas)
    names = [f"{origin.seen} region {rank}".lstrip() for rank in item.regions["rank"]]
    caption = Caption(
        model=summary["model"],
        prior=summary["natural_prior"],
        threshold=summary["region_threshold"],
        highest=summary["highest_probability"],
    )
    plane = detector_plane(source, mammogram)
    segments = None
    if names:
        segments = segmentation(
            image_map,
            regions,
            origin,
            names=names,
            laterality=side,
            spacing_mm=float(mammogram["original_spacing_mm"]),
        )
    of_map = parametric_map(image_map, origin, plane, laterality=side) if plane else None
    return {
        "parametric-map": of_map,
        "segmentation": segments,
        "overlay": secondary_capture(mammogram, image_map, regions, caption, origin),
        "report": structured_report(
            item.image, item.regions, segments, origin, names=names, laterality=side
        ),
    }


def _side(item: Item) -> str:
    return item.mammogram["laterality"] if item.mammogram["laterality"] in ("L", "R") else ""


def _origin(item: Item, source: Dataset, *, map_sha256: str) -> Origin:
    summary, card = item.summary, item.card
    parameters = {
        "weights SHA-256": card.sha256,
        "prior": f"{summary['natural_prior']:.6g}",
        "region threshold": f"{summary['region_threshold']:.6g}",
    }
    content = {
        "source": [str(source.SOPInstanceUID), item.identified],
        "map": map_sha256,
        "regions": item.regions.to_csv(),
        "image": [str(value) for value in item.image.values()],
        "parameters": parameters,
        "made_at": item.made_at,
    }
    return Origin(
        source=source,
        content=value_sha256(content),
        seen=" ".join(filter(None, (_side(item), item.mammogram["view"]))),
        number=item.number,
        made_at=datetime.datetime.fromtimestamp(int(item.made_at), datetime.UTC),
        version=card.commit[:12] or "unknown",
        parameters=parameters,
    )
