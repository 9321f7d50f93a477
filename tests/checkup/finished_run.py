"""A run folder that says what its stages took, with costs that are known."""

import json
from pathlib import Path

from pipeline.checkup.stage_times import StageTimes
from pipeline.config import Settings
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.spent import Spent

STEP, MAP, START = 0.5, 2.0, 10.0


def run_of(folder: Path, images: int, *, steps: int, new: int | None = None) -> RunFolder:
    """A finished run: a mammogram takes 0.1 s of the workers, 0.01 s of the process, a map 2 s.

    Args:
        new: mammograms that were not in the store before.
    """
    run = RunFolder(folder)
    settings = Settings()
    train = settings.train.model_copy(update={"members": 1, "epochs": 1, "steps_per_epoch": steps})
    remember(run, settings.model_copy(update={"train": train}), Remembered())
    judged, validated = images // 4, images // 5
    run.catalog.parent.mkdir(exist_ok=True)
    run.catalog.write_text(json.dumps({"images": images}))
    rows = "\n".join(f"{n},candidate,,1000000" for n in range(images))
    run.files_table.write_text(f"file,status,reason,bytes\n{rows}\n")
    positions = {"positive": 0, "negative": 100 * images, "ignored": 0}
    counts = {"all": images, "train": images, "validation": validated}
    summary = {name: {"images": count, "positions": positions} for name, count in counts.items()}
    run.preprocess_summary.write_text(json.dumps({**summary, "store_bytes": 500_000 * images}))
    run.heatmap_summary.write_text(json.dumps({"images": judged, "copies": "3 networks"}))

    def log(stage: str, parts: dict[str, tuple[float, float]], *, rest: float) -> None:
        events = EventLog(run, stage)
        events.start(settings={}, commit="older" if stage == "train" else "", dirty=False)
        if stage != "train":
            items = {"standardising": new}
            events.parts({name: Spent(1.0, *of, items.get(name)) for name, of in parts.items()})
        own, workers = (sum(of[which] for of in parts.values()) for which in (0, 1))
        events.finish(
            status="finished", seconds=9.0, peak_mib=100.0, own=own + rest, workers=workers
        )

    log("preprocess", {"standardising": (0.01 * images, 0.1 * images + 4.0)}, rest=START)
    log("train", {"all": (steps * STEP + validated * MAP, 0.0)}, rest=START)
    log("heatmap", {"maps": (judged * MAP, 0.0), "report": (3.0, 0.0)}, rest=START)
    return run


def times_of(folder: Path, images: int, *, steps: int, new: int | None = None) -> StageTimes:
    """What the stages of such a run took."""
    return StageTimes.of(run_of(folder, images, steps=steps, new=new))
