"""The set of results of a run: kept apart until all are whole, then put in place together."""

import shutil
from pathlib import Path

from pipeline.model.maps import map_key
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder


def unfinished(run: RunFolder) -> RunFolder:
    """Where the maps and pictures lie until all are made; a later attempt goes on from there."""
    return RunFolder(run.root / "heatmaps.unfinished")


def has_map(run: RunFolder, image_id: str, *, key: str) -> bool:
    """Whether an earlier attempt made this map from the same things."""
    return map_key(run.heatmap(image_id)) == key


def put_in_place(
    new: RunFolder, run: RunFolder, image_ids: list[str], *, uncertain: list[str]
) -> None:
    """Move the maps and pictures of a whole set into the run, and remove those of other images.

    Args:
        uncertain: images that have a picture of their uncertainty.
    """
    for name, source, target, images in (
        ("npz", new.heatmaps, run.heatmaps, image_ids),
        ("png", new.overlays, run.overlays, image_ids),
        ("png", new.uncertainty, run.uncertainty, uncertain),
    ):
        kept = {f"{image_id}.{name}" for image_id in images}
        if kept:
            target.mkdir(parents=True, exist_ok=True)
        for file in sorted(kept):
            (source / file).replace(target / file)
        for file in target.glob(f"*.{name}"):
            if file.name not in kept:
                file.unlink()
    shutil.rmtree(new.root)


def check_disk(folder: Path, needed_bytes: int) -> None:
    """Refuse to start where the results cannot fit.

    Raises:
        UserError: the disk has less room than that.
    """
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise UserError(
            f"{folder} has {free / 1e6:.0f} MB left, and the maps and pictures need about "
            f"{needed_bytes / 1e6:.0f} MB. Free some room, or take a RUN= on another disk."
        )
