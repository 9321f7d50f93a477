"""The contact sheet: positive, ignored and negative patches with their outlines, to look at."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pipeline.annotations.geometry import geometry_of
from pipeline.annotations.labels import IGNORED, NEGATIVE, POSITIVE
from pipeline.annotations.outlines import Outline, Outlines, standard_outlines
from pipeline.preprocess.store.entries import WHITE
from pipeline.preprocess.window import read_window
from pipeline.run.atomic import write_atomic
from pipeline.run.parquet_parts import read_parts

_ROWS = (("positive", POSITIVE), ("ignored", IGNORED), ("negative", NEGATIVE))
_COLUMNS = ("image_id", "label", "row_standard", "col_standard")


def write_contact_sheet(
    path: Path,
    *,
    mammograms: pd.DataFrame,
    outlines: Outlines,
    positions: Path,
    patch_mm: float,
    per_row: int = 8,
) -> None:
    """Write a PNG with one row of patches per label.

    Args:
        positions: positions.parquet.
        per_row: patches per label, of different images as far as there are enough.
    """
    by_id = mammograms.set_index("image_id", drop=False)
    figure = Figure(figsize=(1.5 * per_row, 6.2))
    axes = figure.subplots(len(_ROWS), per_row, squeeze=False)
    figure.suptitle(sheet_title(mammograms, patch_mm=patch_mm))
    parts = read_parts(positions, _COLUMNS)
    found = choose_positions(parts, labels=[of for _, of in _ROWS], count=per_row, seed=0)
    for index, ((name, _), (chosen, total)) in enumerate(zip(_ROWS, found, strict=True)):
        axes[index, 0].set_title(f"{name} ({total} positions)", loc="left", fontsize=9)
        for ax in axes[index]:
            ax.axis("off")
        for ax, position in zip(axes[index], chosen.itertuples(), strict=False):
            mammogram = by_id.loc[position.image_id]
            shapes = standard_outlines(outlines[position.image_id], geometry_of(mammogram))
            place = position.row_standard, position.col_standard
            draw_patch(ax, mammogram, *place, shapes, patch_mm=patch_mm)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.01, top=0.88, wspace=0.05, hspace=0.25)
    # Without the version of the library the bytes depend on the content only.
    write_atomic(path, lambda file: figure.savefig(file, dpi=110, metadata={"Software": None}))


def choose_positions(
    parts: Iterable[pd.DataFrame], *, labels: Sequence[int], count: int, seed: int
) -> list[tuple[pd.DataFrame, int]]:
    """Positions of each label by chance, one per image before a second of any.

    Args:
        parts: of positions.parquet; an image lies in one.
        count: of each label.

    Returns:
        For each label the positions, and how many there are to choose from.
    """
    rng = np.random.default_rng(seed)
    chosen: dict[int, pd.DataFrame] = {}
    totals = dict.fromkeys(labels, 0)
    for table in parts:
        part = table.assign(chance=rng.random(len(table)))
        for label in labels:
            fitting = part[part["label"] == label].sort_values("chance")
            totals[label] += len(fitting)
            fitting = fitting.assign(turn=fitting.groupby("image_id").cumcount())
            known = [chosen[label]] if label in chosen else []
            better = pd.concat([*known, fitting[fitting["turn"] < count]])
            chosen[label] = better.sort_values(["turn", "chance"]).head(count)
    return [(chosen[label], totals[label]) for label in labels]


def cut_patch(mammogram: Mapping, row: float, col: float, size_px: int) -> np.ndarray:
    """The patch around a position, mirrored at the borders: (size_px, size_px) uint16."""
    row0, col0 = (round(at + 0.5) - size_px // 2 for at in (row, col))
    image = int(mammogram["height"]), int(mammogram["width"])
    return read_window(mammogram["store"], row0, col0, size_px, size_px, image=image)


def draw_patch(
    ax, mammogram: Mapping, row: float, col: float, shapes: list[Outline], *, patch_mm: float
) -> None:
    """Draw the patch around a place in standard pixels, with the outlines that cross it."""
    half = max(1, round(patch_mm / mammogram["spacing_mm"] / 2))
    patch = cut_patch(mammogram, row, col, 2 * half)
    top, left = row - half, col - half
    extent = (left, left + 2 * half, top + 2 * half, top)
    ax.imshow(patch, cmap="gray", vmin=0, vmax=WHITE, extent=extent, interpolation="bilinear")
    for shape in shapes:
        colour = "tab:orange" if shape.positive else "tab:blue"
        for curve in shape.curves():
            ax.plot(curve[:, 1], curve[:, 0], color=colour, linewidth=0.9)
    ax.plot(col, row, "+", color="cyan", markersize=5, markeredgewidth=0.7)
    ax.set_xlim(extent[0], extent[1])
    ax.set_ylim(extent[2], extent[3])
    image_id = mammogram["image_id"]
    ax.text(0.02, 0.02, image_id, transform=ax.transAxes, fontsize=5.5, color="white")


def sheet_title(mammograms: pd.DataFrame, *, patch_mm: float) -> str:
    names = ", ".join(sorted(mammograms["dataset"].unique()))
    is_synthetic = (mammograms["dataset"] == "phantom").any()
    shown = f"{names}, patches of {patch_mm:g} mm; outlines that count orange, others blue"
    return f"SYNTHETIC, not of a patient: {shown}" if is_synthetic else shown
