"""The tables of intake.html, each a list of rows for the template; pure.

A row is a dictionary of text, numbers and lists of text; the keys of each table stand in the
docstring of its function.
"""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.preprocess.accept import Accepted
from pipeline.preprocess.intake.intake_csv import FAILED, SKIPPED, USED
from pipeline.preprocess.split import TEST, TRAIN, VALIDATION
from pipeline.preprocess.store.fill import Outcome
from pipeline.preprocess.summary import image_counts

MOST_ROWS = 60
_NOT_ABNORMAL = ("normal", "unknown")
_ENDS = ("counted", "ignored", "quarantined", "without_outline")


def reason_rows(table: pd.DataFrame) -> list[dict]:
    """Files of intake.csv by status and kind of reason; used first, then the commonest.

    Returns:
        status, reason, files and names of examples; the files of all rows add up to those of
        the table.
    """
    kinds = table.assign(reason=table["reason"].map(kind_of)).groupby(["status", "reason"])
    rows = [
        {
            "status": status,
            "reason": reason,
            "files": len(part),
            "examples": part["file"].head(3).tolist(),
        }
        for (status, reason), part in kinds
    ]
    order = (USED, FAILED, SKIPPED)
    rows.sort(key=lambda row: (order.index(row["status"]), -row["files"], row["reason"]))
    if len(rows) > MOST_ROWS:
        rest = rows[MOST_ROWS - 1 :]
        files = sum(row["files"] for row in rest)
        told = f"{len(rest)} other reasons"
        rows[MOST_ROWS - 1 :] = [{"status": "", "reason": told, "files": files, "examples": []}]
    return rows


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


def split_rows(accepted: Accepted) -> list[dict]:
    """Each part of the split that has an image, then all images.

    Returns:
        name, the counts of `image_counts`, and the normal and the unknown images.
    """
    rows = []
    for name in (TRAIN, VALIDATION, TEST, "all"):
        part = accepted.mammograms
        if name != "all":
            part = part[part["split"] == name]
        if len(part) or name == "all":
            kinds = {f"{k}_images": int((part["outcome"] == k).sum()) for k in _NOT_ABNORMAL}
            rows.append({"name": name, **image_counts(part, accepted.outlines), **kinds})
    return rows


def lesion_rows(findings: pd.DataFrame, accepted: Accepted) -> list[dict]:
    """Findings on the images that are used, by kind and pathology.

    Args:
        findings: catalog/findings.csv.

    Returns:
        kind, pathology, findings, images, counted, ignored, quarantined, without_outline; the
        last four add up to the findings.
    """
    findings = findings[findings["image_id"].isin(accepted.mammograms["image_id"])]
    ends = {
        outline.finding_id: "counted" if outline.positive else "ignored"
        for outlines in accepted.outlines.values()
        for outline in outlines
    } | {item.finding_id: "quarantined" for item in accepted.quarantined}
    end = findings["finding_id"].map(ends).fillna("without_outline")
    counts = findings.assign(findings=1, **{name: (end == name).astype(int) for name in _ENDS})
    how = {"findings": "sum", "image_id": "nunique", **dict.fromkeys(_ENDS, "sum")}
    rows = counts.groupby(["kind", "pathology"], as_index=False).agg(how)
    return rows.rename(columns={"image_id": "images"}).to_dict("records")


def scanner_rows(mammograms: pd.DataFrame, outcomes: Mapping[str, Outcome]) -> list[dict]:
    """Images, spacing and grey levels by scanner, the commonest first.

    Returns:
        scanner, images, spacing_mm, spacing_source, size_px, window, polarity, codec, black and
        white: the grey values, as shares of the nominal range of the display values, that became
        the ends of the standard image: median (lowest to highest).
    """
    rows: list[dict] = []
    for scanner, part in mammograms.groupby("scanner"):
        infos = pd.DataFrame([outcomes[image_id].info for image_id in part["image_id"]])
        sizes = part["original_height"].astype(str) + " x " + part["original_width"].astype(str)
        rows.append(
            {
                "scanner": scanner or "not named",
                "images": len(part),
                "spacing_mm": _counted(part["original_spacing_mm"].map("{:.3g}".format)),
                "spacing_source": _counted(part["spacing_source"]),
                "size_px": _counted(sizes),
                "window": _counted(part["window"].map(kind_of)),
                "polarity": _counted(part["polarity"]),
                "codec": _counted(infos["codec"]),
                "black": _spread(infos["low"]),
                "white": _spread(infos["high"]),
            }
        )
    rows.sort(key=lambda row: (-row["images"], row["scanner"]))
    return rows[:MOST_ROWS]


def view_rows(table: pd.DataFrame) -> list[dict]:
    """side, view and number of images that are used; unknown where nothing says it."""
    counts = table[table["status"] == USED].groupby(["laterality", "view"]).size()
    return [
        {"side": side or "unknown", "view": view or "unknown", "images": images}
        for (side, view), images in counts.items()
    ]


def duplicate_rows(mammograms: pd.DataFrame) -> list[dict]:
    """files with identical pixels, their patients and splits; those on two sides first."""
    rows = [
        {
            "files": part["source"].tolist(),
            "patients": part["patient_id"].drop_duplicates().tolist(),
            "splits": part["split"].drop_duplicates().tolist(),
        }
        for _, part in mammograms.groupby("pixel_sha256", sort=False)
        if len(part) > 1
    ]
    return sorted(rows, key=lambda row: (-len(row["splits"]), row["files"]))


def _counted(values: pd.Series) -> str:
    """The commonest values, each with its number where there are several.

    >>> _counted(pd.Series(["a", "b", "a"]))
    'a (2), b (1)'
    """
    counts = sorted(values.value_counts().items(), key=lambda item: (-item[1], item[0]))
    if len(counts) == 1:
        return str(counts[0][0])
    more = [f"{len(counts) - 3} more"] if len(counts) > 3 else []
    return ", ".join([f"{value} ({count})" for value, count in counts[:3]] + more)


def _spread(values: pd.Series) -> str:
    """Median and, where they differ, the range.

    >>> _spread(pd.Series([0.1, 0.3, 0.2])), _spread(pd.Series([0.5]))
    ('0.200 (0.100 to 0.300)', '0.500')
    """
    low, middle, high = (f"{x:z.3f}" for x in np.quantile(values, [0, 0.5, 1]))
    return middle if low == high else f"{middle} ({low} to {high})"
