"""The tables of intake.html, as rows of text and numbers; pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.preprocess.accept import Accepted
from pipeline.preprocess.intake.table import FAILED, SKIPPED, USED
from pipeline.preprocess.split import TEST, TRAIN, VALIDATION
from pipeline.preprocess.store.worker import Outcome

MOST_ROWS = 60


@dataclass(frozen=True)
class Reason:
    """Files that ended alike."""

    status: str
    reason: str
    files: int
    examples: list[str]


@dataclass(frozen=True)
class SplitRow:
    """What is in a part of the split."""

    name: str
    patients: int
    images: int
    abnormal: int
    normal: int
    unknown: int
    unlocated: int
    lesions: int
    other_findings: int


@dataclass(frozen=True)
class LesionRow:
    """Findings of one kind and pathology on the images that are used."""

    kind: str
    pathology: str
    findings: int
    images: int
    counted: int
    ignored: int
    quarantined: int
    without_outline: int


@dataclass(frozen=True)
class ScannerRow:
    """Spacing and grey levels of one scanner."""

    scanner: str
    images: int
    size_px: str
    spacing_mm: str
    spacing_source: str
    window: str
    polarity: str
    codec: str
    black: str
    white: str


@dataclass(frozen=True)
class Duplicate:
    """Files with identical pixels."""

    files: list[str]
    patients: list[str]
    splits: list[str]


def reason_rows(table: pd.DataFrame, *, examples: int = 3) -> list[Reason]:
    """Files of intake.csv by status and kind of reason; used first, then the commonest.

    The files of all rows add up to those of the table.
    """
    kinds = table.assign(reason=table["reason"].map(kind_of))
    rows = [
        Reason(status, reason, len(part), part["file"].head(examples).tolist())
        for (status, reason), part in kinds.groupby(["status", "reason"])
    ]
    order = {USED: 0, FAILED: 1, SKIPPED: 2}
    rows.sort(key=lambda row: (order[row.status], -row.files, row.reason))
    if len(rows) <= MOST_ROWS:
        return rows
    rest = rows[MOST_ROWS - 1 :]
    others = Reason("", f"{len(rest)} other reasons", sum(row.files for row in rest), [])
    return [*rows[: MOST_ROWS - 1], others]


def kind_of(text: str) -> str:
    """A reason or note without what differs from file to file, to group by.

    >>> kind_of("values up to 4099 do not fit Bits Stored 12")
    'values up to … do not fit Bits Stored …'
    >>> kind_of("mask data/a b/c.dcm has 3 values")
    'mask … has … values'
    """
    without_ids = re.sub(r"\bfinding \S+", "finding …", text)
    without_paths = re.sub(r"\S*/\S(.*/)?[^\s,;:]*", "…", without_ids)
    return re.sub(r"(?<![A-Za-z\d])\d+([.,]\d+)*", "…", without_paths)


def split_rows(accepted: Accepted) -> list[SplitRow]:
    """Counts of each part of the split that has an image, and their sum."""
    mammograms = accepted.mammograms
    parts = [(name, mammograms[mammograms["split"] == name]) for name in (TRAIN, VALIDATION, TEST)]
    filled = [(name, part) for name, part in parts if len(part)]
    return [_split_row(name, part, accepted) for name, part in [*filled, ("all", mammograms)]]


def _split_row(name: str, part: pd.DataFrame, accepted: Accepted) -> SplitRow:
    shown = [entry for image_id in part["image_id"] for entry in accepted.outlines[image_id]]
    outcomes = part["outcome"].value_counts()
    return SplitRow(
        name=name,
        patients=part["patient_id"].nunique(),
        images=len(part),
        unlocated=int(part["unlocated"].astype(bool).sum()),
        lesions=sum(entry["positive"] for entry in shown),
        other_findings=sum(not entry["positive"] for entry in shown),
        **{key: int(outcomes.get(key, 0)) for key in ("abnormal", "normal", "unknown")},
    )


def lesion_rows(findings: pd.DataFrame, accepted: Accepted) -> list[LesionRow]:
    """Findings by kind and pathology; of each row the last four numbers add up to the first.

    Args:
        findings: catalog/findings.csv.
    """
    findings = findings[findings["image_id"].isin(accepted.mammograms["image_id"])]
    positive = {
        entry["finding_id"]: entry["positive"]
        for entries in accepted.outlines.values()
        for entry in entries
    }
    quarantined = {item.finding_id for item in accepted.quarantined}
    rows = []
    for (kind, pathology), part in findings.groupby(["kind", "pathology"]):
        ids = part["finding_id"].tolist()
        counted = sum(positive.get(i) is True for i in ids)
        ignored = sum(positive.get(i) is False for i in ids)
        out = sum(i in quarantined for i in ids)
        rest = len(ids) - counted - ignored - out
        images = part["image_id"].nunique()
        rows.append(LesionRow(kind, pathology, len(ids), images, counted, ignored, out, rest))
    return rows


def scanner_rows(mammograms: pd.DataFrame, outcomes: Mapping[str, Outcome]) -> list[ScannerRow]:
    """Images, spacing and grey levels by scanner, the commonest first.

    Black and white are the grey values, as shares of the nominal range of the display values,
    that became the ends of the standard image: median (lowest to highest).
    """
    rows = []
    for scanner, part in mammograms.groupby("scanner"):
        infos = [outcomes[image_id].info for image_id in part["image_id"]]
        sizes = part["original_height"].astype(str) + " x " + part["original_width"].astype(str)
        rows.append(
            ScannerRow(
                scanner=scanner or "not named",
                images=len(part),
                size_px=_counted(sizes),
                spacing_mm=_counted(part["original_spacing_mm"].map("{:.3g}".format)),
                spacing_source=_counted(part["spacing_source"]),
                window=_counted(part["window"].map(kind_of)),
                polarity=_counted(part["polarity"]),
                codec=_counted(pd.Series([info["codec"] for info in infos])),
                black=_spread([info["low"] for info in infos]),
                white=_spread([info["high"] for info in infos]),
            )
        )
    rows.sort(key=lambda row: (-row.images, row.scanner))
    return rows[:MOST_ROWS]


def view_rows(table: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Side, view and number of the images that are used; unknown where nothing says it."""
    used = table[table["status"] == USED]
    counts = used.groupby(["laterality", "view"]).size()
    return [(side or "unknown", view or "unknown", int(n)) for (side, view), n in counts.items()]


def duplicates(mammograms: pd.DataFrame) -> list[Duplicate]:
    """Files with identical pixels; those on two sides of the split first."""
    found = [
        Duplicate(
            part["source"].tolist(),
            part["patient_id"].drop_duplicates().tolist(),
            part["split"].drop_duplicates().tolist(),
        )
        for _, part in mammograms.groupby("pixel_sha256", sort=False)
        if len(part) > 1
    ]
    return sorted(found, key=lambda same: (-len(same.splits), same.files))


def _counted(values: pd.Series, *, most: int = 3) -> str:
    """The commonest values, each with its number where there are several.

    >>> _counted(pd.Series(["a", "b", "a"]))
    'a (2), b (1)'
    """
    counts = values.value_counts()
    if len(counts) == 1:
        return str(counts.index[0])
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = [f"{len(ordered) - most} more"] if len(ordered) > most else []
    return ", ".join([f"{value} ({count})" for value, count in ordered[:most]] + more)


def _spread(values: list[float]) -> str:
    """Median and, where they differ, the range.

    >>> _spread([0.1, 0.3, 0.2]), _spread([0.5])
    ('0.200 (0.100 to 0.300)', '0.500')
    """
    low, middle, high = (f"{x:z.3f}" for x in (np.min(values), np.median(values), np.max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"
