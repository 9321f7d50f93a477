"""A run folder as the heatmap stage leaves it, small and with known answers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import LabelRule, finding_at, label_points
from pipeline.annotations.outlines import Circle, Outline, standard_outlines, write_outlines
from pipeline.config import Settings
from pipeline.heatmap.image_tables import CANDIDATE_COLUMNS, IMAGE_COLUMNS, JUDGED_COLUMNS, OF_IMAGE
from pipeline.preprocess.positions import position_grid
from pipeline.preprocess.store.entries import write_entry
from pipeline.preprocess.tables import write_mammograms, write_positions
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from tests.model.cards import a_card, write_a_card

HEIGHT, WIDTH, SPACING_MM, PITCH_PX = 240, 160, 0.4, 8


@dataclass(frozen=True)
class Woman:
    """One patient with one image."""

    name: str
    split: str
    finding: str = ""  # "", "counts", "left out" or "unlocated"
    outcome: str = ""  # as the finding says, if empty
    complete: bool = True  # everything abnormal is outlined
    site: str = ""
    scanner: str = ""


def women(*, normal: int = 6, abnormal: int = 6) -> list[Woman]:
    """As many training as test patients."""
    return [
        Woman(f"{split}-{finding or 'normal'}-{i}", split, finding)
        for split in ("train", "test")
        for finding, count in (("", normal), ("counts", abnormal))
        for i in range(count)
    ]


def fabricate(
    folder: Path,
    people: list[Woman],
    *,
    oracle: bool = False,
    dataset: str = "phantom",
    bootstrap: int = 60,
    model: str = "",
) -> RunFolder:
    """Write FOLDER/run.

    Args:
        oracle: the scores know the truth; otherwise noise with a hint of it.
        bootstrap: number of bootstrap samples.
        model: the run whose model is used, where it is not its own.
    """
    run = RunFolder(folder / "run")
    settings = Settings.model_validate(
        {"image": {"spacing_mm": SPACING_MM}, "evaluate": {"bootstrap": bootstrap}}
    )
    remember(run, settings, Remembered("configs/default.yaml", {}, model))
    rng = np.random.default_rng(11)
    mammograms = pd.DataFrame([_mammogram(w, i, folder, dataset) for i, w in enumerate(people)])
    outlines = {w.name: _outlines(w, i) for i, w in enumerate(people)}
    write_mammograms(run, mammograms)
    write_outlines(run, outlines)
    positions = pd.concat(
        [_positions(row, outlines[row["image_id"]], settings) for _, row in mammograms.iterrows()]
    )
    write_positions(run, positions)
    for row in mammograms.itertuples():
        image = rng.integers(10_000, 30_000, size=(HEIGHT, WIDTH)).astype(np.uint16)
        breast = np.ones((HEIGHT // 8, WIDTH // 8), dtype=bool)
        write_entry(row.store, image=image, breast=breast, info={})
    _write_model(run, settings)
    _write_maps(run, people, mammograms, positions, outlines, oracle=oracle, rng=rng)
    return run


def _mammogram(woman: Woman, index: int, folder: Path, dataset: str) -> dict:
    outcome = woman.outcome or ("abnormal" if woman.finding else "normal")
    return {
        "image_id": woman.name,
        "patient_id": f"p-{woman.name}",
        "laterality": "R" if index % 2 else "L",
        "view": "CC",
        "split": woman.split,
        "dataset": dataset,
        "outcome": outcome,
        "density": "",
        "site": woman.site,
        "source": f"{woman.name}.dcm",
        "file": f"{woman.name}.dcm",
        "store": str(folder / "store" / woman.name),
        "height": HEIGHT,
        "width": WIDTH,
        "spacing_mm": SPACING_MM,
        "original_height": 2 * HEIGHT + 20,
        "original_width": 2 * WIDTH + 30,
        "original_spacing_mm": SPACING_MM / 2,
        "flipped": bool(index % 2),
        "row0": 10,
        "col0": 15,
        "row_scale": 2.0,
        "col_scale": 2.0,
        "breast_mm2": 6144.0,
        "unlocated": woman.finding == "unlocated" or not woman.complete,
        "pixel_sha256": woman.name,
        "window": "",
        "polarity": "MONOCHROME2",
        "spacing_source": "tag",
        "scanner": woman.scanner,
    }


def _outlines(woman: Woman, index: int) -> list[Outline]:
    if woman.finding not in ("counts", "left out"):
        return []
    positive = woman.finding == "counts"
    pathology = "malignant" if positive else "benign"
    circle = Circle(150.0 + 30 * (index % 5), 120.0 + 10 * (index % 7), 40.0)
    return [Outline(f"f-{woman.name}", "mass", pathology, positive, circle)]


def _positions(mammogram: pd.Series, found: list[Outline], settings: Settings) -> pd.DataFrame:
    outlines = standard_outlines(found, geometry_of(mammogram))
    rule = LabelRule.from_settings(settings.labels, SPACING_MM)
    rows, cols = position_grid(HEIGHT, WIDTH, PITCH_PX)
    row_index, col_index = (x.ravel() for x in np.indices((len(rows), len(cols))))
    labels = label_points(rows[row_index], cols[col_index], outlines, rule)
    if mammogram["unlocated"]:
        labels[labels == 0] = -1
    row, col = geometry_of(mammogram).to_original(rows[row_index], cols[col_index])
    return pd.DataFrame(
        {
            "image_id": mammogram["image_id"],
            "patient_id": mammogram["patient_id"],
            "split": mammogram["split"],
            "row_index": row_index.astype(np.int32),
            "col_index": col_index.astype(np.int32),
            "row": row,
            "col": col,
            "row_standard": rows[row_index].astype(np.float32),
            "col_standard": cols[col_index].astype(np.float32),
            "label": labels,
            "finding_id": finding_at(rows[row_index], cols[col_index], outlines, rule),
        }
    )


def _write_model(run: RunFolder, settings: Settings) -> None:
    sections = {name: getattr(settings, name).model_dump() for name in ("image", "labels", "maps")}
    # No validation patients: nothing was fitted on any.
    nobody = {"validation": {"patients": 0, "mammograms": 0, "lesions": 0}}
    write_a_card(run.model, training=nobody, **sections)


def _write_maps(run, people, mammograms, positions, outlines, *, oracle, rng) -> None:
    """Scores: with `oracle` +4 in a lesion and -4 elsewhere, otherwise noise with a hint of it."""
    mapped = [w for w in people if w.split == "test"]
    there = positions[positions["image_id"].isin([w.name for w in mapped])]
    inside = (there["label"] == 1).to_numpy()
    noise = rng.normal(size=len(there))
    logit = np.where(inside, 4.0, -4.0) if oracle else noise + 1.5 * inside
    logit = logit.astype(np.float32)
    predictions = there.assign(logit=logit, probability=1 / (1 + np.exp(-logit)))
    predictions.to_parquet(run.predictions, index=False)
    of_image = {row["image_id"]: row for row in mammograms[OF_IMAGE].to_dict("records")}
    images, candidates, regions = [], [], []
    for woman in mapped:
        best = float(logit[(there["image_id"] == woman.name).to_numpy()].max(initial=-9))
        images.append(_image_row(woman, mammograms) | scored(best))
        points = [] if oracle else [(60.0, 60.0, float(rng.normal()))]
        points += [
            (o.circle.row, o.circle.col, 4.0 if oracle else float(rng.normal() + 1))
            for o in outlines[woman.name]
        ]
        for rank, (r, c, score) in enumerate(sorted(points, key=lambda p: -p[2]), start=1):
            candidate = {"rank": rank, "row": r, "col": c, **scored(score)}
            candidates.append(of_image[woman.name] | candidate)
            region = _region_row(rank, r, c, score)
            regions.append(of_image[woman.name] | region | scored(score))
    pd.DataFrame(images, columns=IMAGE_COLUMNS).to_csv(run.images, index=False)
    for path, rows, own in (
        (run.candidates, candidates, CANDIDATE_COLUMNS),
        (run.regions, regions, ["lowered_logit", *_region_row(0, 0.0, 0.0, 0.0)]),
    ):
        columns = [*OF_IMAGE, *own, *JUDGED_COLUMNS]
        pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def scored(logit: float) -> dict:
    """The columns of the score for a place of this logit, where the model has no fitted one."""
    score = float(a_card().calibration.logit(np.float64(logit)))
    known = {"probability": 1 / (1 + np.exp(-score)), "candidate_probability": np.nan}
    return {"logit": logit, "lowered_logit": logit, "score": score, "finding_id": "", **known}


def write_candidates(run: RunFolder, points: list[tuple[str, float, float, float]]) -> None:
    """Replace the candidates of a run by these: image id, row, col, logit."""
    rows = [
        {"image_id": image_id, "rank": rank, "row": row, "col": col, **scored(logit)}
        for rank, (image_id, row, col, logit) in enumerate(points, start=1)
    ]
    columns = [*OF_IMAGE, *CANDIDATE_COLUMNS, *JUDGED_COLUMNS]
    pd.DataFrame(rows, columns=columns).to_csv(run.candidates, index=False)


def _image_row(woman: Woman, mammograms: pd.DataFrame) -> dict:
    outcome = mammograms.set_index("image_id").loc[woman.name, "outcome"]
    return {
        "image_id": woman.name,
        "patient_id": f"p-{woman.name}",
        "split": woman.split,
        "outcome": outcome,
    }


def _region_row(rank: int, row: float, col: float, score: float) -> dict:
    """A region of 80 x 80 original pixels, the size of the lesions."""
    return {
        "rank": rank,
        "logit": score,
        "peak_probability": 1 / (1 + np.exp(-score)),
        "mean_probability": 0.4,
        "row0": row - 40,
        "col0": col - 40,
        "row1": row + 40,
        "col1": col + 40,
        "centroid_row": row,
        "centroid_col": col,
        "peak_row": row,
        "peak_col": col,
        "area_mm2": 256.0,
    }
