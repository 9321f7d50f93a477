"""RUN/breast/<image_id>.png: the breast of each mammogram that is used, in original pixels."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.preprocess.breast.picture import original_breast
from pipeline.preprocess.store.entries import read_breast
from pipeline.run.atomic import json_text, write_atomic, write_text
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import default_workers
from pipeline.run.progress import shown


def write_breasts(run: RunFolder, mammograms: pd.DataFrame, *, workers: int | None = None) -> int:
    """Bring RUN/breast up to date: one PNG per mammogram, 8 bit, 0 and 255.

    A picture whose entry of the store is still the same stays as it is; one of an image that
    is no longer used goes. RUN/breast/entries.json says which entry each was made from.

    Args:
        mammograms: mammograms.csv.
        workers: threads; all cores if None.

    Returns:
        How many were written.
    """
    wanted = dict(zip(mammograms["image_id"], mammograms["store"], strict=True))
    known = _known(run.breast_entries)
    for file in run.breast_entries.parent.glob("*.png"):
        if file.stem not in wanted:
            file.unlink()
    stale = [
        row
        for row in mammograms.to_dict("records")
        if known.get(row["image_id"]) != row["store"] or not run.breast(row["image_id"]).is_file()
    ]
    if stale:
        # While pictures and list differ, the list does not know the pictures.
        kept = {i: store for i, store in known.items() if wanted.get(i) == store}
        write_text(run.breast_entries, json_text(kept))
        with ThreadPoolExecutor(workers or default_workers()) as threads:
            done = threads.map(lambda row: _write(run.breast(row["image_id"]), row), stale)
            for _ in shown(done, len(stale), "pictures of the breast"):
                pass
    if known != wanted:
        write_text(run.breast_entries, json_text(wanted))
    return len(stale)


def _known(entries: Path) -> dict[str, str]:
    return json.loads(entries.read_text(encoding="utf-8")) if entries.is_file() else {}


def _write(path: Path, mammogram: dict) -> None:
    breast = original_breast(read_breast(mammogram["store"]), geometry_of(mammogram))
    done, png = cv2.imencode(".png", breast)
    if not done:
        raise OSError(f"{path} cannot be encoded")
    write_atomic(path, lambda temporary: temporary.write_bytes(png.tobytes()))
