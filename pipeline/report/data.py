"""What the report says about the data: the splits and what became of the files."""

from dataclasses import dataclass

import pandas as pd

from pipeline.annotations.outlines import Outlines, read_outlines
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.layout import RunFolder

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class SplitCounts:
    """How much of the data is in a split."""

    name: str
    patients: int
    mammograms: int
    abnormal: int
    normal: int
    findings: int
    positive: int
    negative: int
    ignored: int


@dataclass(frozen=True)
class FileCount:
    """How many files ended with this status for this reason."""

    status: str
    reason: str
    files: int


def count_splits(run: RunFolder) -> list[SplitCounts]:
    """Counts of each split that has a mammogram; empty before preprocess."""
    if not (run.mammograms.is_file() and run.outlines.is_file() and run.positions.is_file()):
        return []
    mammograms, outlines, positions = read_mammograms(run), read_outlines(run), read_positions(run)
    return [
        _count(name, part, outlines, positions[positions["split"] == name])
        for name in SPLITS
        if len(part := mammograms[mammograms["split"] == name])
    ]


def _count(
    name: str, mammograms: pd.DataFrame, outlines: Outlines, positions: pd.DataFrame
) -> SplitCounts:
    return SplitCounts(
        name=name,
        patients=mammograms["patient_id"].nunique(),
        mammograms=len(mammograms),
        abnormal=int((mammograms["outcome"] == "abnormal").sum()),
        normal=int((mammograms["outcome"] == "normal").sum()),
        findings=sum(o.positive for i in mammograms["image_id"] for o in outlines.get(i, [])),
        positive=int((positions["label"] == 1).sum()),
        negative=int((positions["label"] == 0).sum()),
        ignored=int((positions["label"] == -1).sum()),
    )


def count_files(run: RunFolder, *, limit: int = 25) -> list[FileCount]:
    """Files of intake.csv by status and reason, the commonest reasons first.

    Reasons beyond `limit` are one row; empty before preprocess.
    """
    if not run.intake.is_file():
        return []
    intake = pd.read_csv(run.intake, dtype=str, keep_default_na=False)
    counts = intake.groupby(["status", "reason"]).size().sort_values(ascending=False)
    rows = [FileCount(status, reason, int(n)) for (status, reason), n in counts.items()]
    rows.sort(key=lambda row: (row.status != "used", row.status, -row.files))
    if len(rows) > limit:
        rest = rows[limit:]
        files = sum(row.files for row in rest)
        rows = [*rows[:limit], FileCount("", f"{len(rest)} other reasons", files)]
    return rows


def is_synthetic(run: RunFolder) -> bool:
    """Whether any mammogram of the run is a phantom."""
    return run.mammograms.is_file() and bool((read_mammograms(run)["dataset"] == "phantom").any())
