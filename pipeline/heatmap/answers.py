"""What another program gets of a model: DICOM files in any form, plain values of JSON out."""

import base64
import binascii
import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from pipeline.config import DataSettings, DicomSettings, Settings, StoreSettings
from pipeline.heatmap.image_tables import CANDIDATE_COLUMNS, SCORE_COLUMNS
from pipeline.heatmap.predict import Found, predict
from pipeline.heatmap.regions import REGION_COLUMNS
from pipeline.ingest.source_files import SourceFile
from pipeline.model.card import ModelCard
from pipeline.model.image_map import Mapper
from pipeline.model.training_data import Doubt
from pipeline.preprocess.intake.intake_csv import USED
from pipeline.run.errors import UserError, validation_text
from pipeline.run.scratch import scratch_folder

# Of each file; the tables and the map stand beside them.
TEXTS = ("decision", "reason", "doubts", "laterality", "view")
_ORIGINAL = ("original_height", "original_width", "original_spacing_mm")
NUMBERS = (*_ORIGINAL, "probability", *SCORE_COLUMNS)
TABLES = {
    "regions": (*REGION_COLUMNS, *SCORE_COLUMNS),
    "candidates": (*CANDIDATE_COLUMNS, *SCORE_COLUMNS),
}
MAP = {"probability": 2, "rows": 1, "cols": 1}  # and the number of axes
INTEGERS = {"original_height", "original_width", "rank", "row0", "col0", "row1", "col1"}

Answer = dict[str, Any]


def answers(
    items: Sequence[object],
    card: ModelCard,
    mapper: Mapper,
    *,
    with_map: bool = False,
    spacing_mm: float | None = None,
    take_paths: bool = True,
) -> list[Answer]:
    """One answer for each item, in their order: TEXTS, NUMBERS, TABLES and, if wanted, the map.

    Columns and places are those of the tables of a run; what is not known is None, and a file
    that is not used has no regions. No limit on time and memory is set, as with dicom.workers=0.

    Args:
        items: DICOM files, each as bytes, in base64 or as a path.
        spacing_mm: of files that have none.
        take_paths: text may be the name of a file of this machine.

    Raises:
        UserError: the spacing is out of limits, or the disk has too little room.
    """
    with scratch_folder() as scratch:
        settings = _settings(card, scratch, spacing_mm=spacing_mm)
        given = [
            _file_of(item, scratch / f"{number}.dcm", take_paths=take_paths)
            for number, item in enumerate(items, 1)
        ]
        # Each in a folder of its own, so that they are one woman's only if the files say so.
        names = [f"{number}/file" for number in range(1, len(items) + 1)]
        files = [
            SourceFile(name, path, path.stat().st_size, 0)
            for name, path in zip(names, given, strict=True)
            if isinstance(path, Path)
        ]
        with contextlib.redirect_stdout(io.StringIO()):  # lines for a terminal
            predicted = predict(files, settings, card, lambda: mapper)
        ends = predicted.intake.set_index("file").to_dict("index")
        return [
            _answer(ends[name], predicted.found.get(name), predicted.doubts, with_map=with_map)
            if name in ends
            else _answer({"status": "failed", "reason": given_or_why}, None, (), with_map=with_map)
            for name, given_or_why in zip(names, given, strict=True)
        ]


def is_used(answer: Answer) -> bool:
    """Whether the file of an answer is a mammogram that was mapped."""
    return answer["decision"] == USED


def _settings(card: ModelCard, scratch: Path, *, spacing_mm: float | None) -> Settings:
    try:
        data = DataSettings(importer="dicom", root=scratch, spacing_mm=spacing_mm)
    except ValidationError as error:
        raise UserError(validation_text(error)) from error
    return Settings(
        data=data,
        store=StoreSettings(root=scratch),
        dicom=DicomSettings(workers=0),
        image=card.image,
        labels=card.labels,
        maps=card.maps,
    )


def _file_of(item: object, place: Path, *, take_paths: bool) -> Path | str:
    """The file that an item is, written to `place` where it is no path; or why it is none."""
    if isinstance(item, str | Path) and take_paths and os.path.isfile(item):  # noqa: PTH113 - any text
        return Path(item)
    if isinstance(item, str):
        try:
            item = base64.b64decode("".join(item.split()), validate=True)
        except (binascii.Error, ValueError):
            also = " and no file here" if take_paths else ""
            return f"the text is no base64{also}; a DICOM file is sent as the base64 of its bytes"
    if not isinstance(item, bytes | bytearray):
        return f"a file must be bytes, base64 or a path, not {type(item).__name__}"
    place.write_bytes(item)
    return place


def _answer(
    end: Mapping[str, Any], found: Found | None, doubts: Sequence[Doubt], *, with_map: bool
) -> Answer:
    answer: Answer = dict.fromkeys(TEXTS, "") | dict.fromkeys(NUMBERS)
    answer |= {"decision": end["status"], "reason": end["reason"] if found is None else ""}
    of_all = [doubt.text for doubt in doubts] if found else []
    answer |= {"doubts": "; ".join(filter(None, (end.get("notes"), *of_all)))}
    answer |= {name: [] for name in TABLES}
    if with_map:
        answer["map"] = None
    if found is None:
        return answer
    of_image = {**found.mammogram, **found.tables.image}
    answer |= {name: _plain(of_image[name]) for name in (*TEXTS[3:], *NUMBERS)}
    tables = {"regions": found.tables.regions.table, "candidates": found.tables.candidates}
    for name, columns in TABLES.items():
        rows = tables[name][list(columns)].to_dict("records")
        answer[name] = [{column: _plain(value) for column, value in row.items()} for row in rows]
    if with_map:
        arrays = {name: getattr(found.image_map, name) for name in MAP}
        answer["map"] = {
            name: np.asarray(np.where(np.isnan(array), None, array.astype(object))).tolist()
            for name, array in arrays.items()
        }
    return answer


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value
