"""What the data of a run are: splits, files, and which findings count as abnormal."""

import yaml

from pipeline.annotations.outlines import read_outlines
from pipeline.config import LabelSettings
from pipeline.preprocess.tables import read_mammograms, read_positions
from pipeline.run.csv_tables import read_csv_table
from pipeline.run.layout import RunFolder

SPLITS = ("train", "validation", "test")
SPLIT_HEADS = (
    *("split", "patients", "mammograms", "abnormal", "normal", "findings"),
    *("positive positions", "negative", "ignored"),
)


def count_splits(run: RunFolder) -> list[dict]:
    """Counts of each split that has a mammogram, by SPLIT_HEADS; empty before preprocess."""
    if not (run.mammograms.is_file() and run.outlines.is_file() and run.positions.is_file()):
        return []
    mammograms, outlines, positions = read_mammograms(run), read_outlines(run), read_positions(run)
    rows = []
    for name in SPLITS:
        part = mammograms[mammograms["split"] == name]
        labels = positions.loc[positions["split"] == name, "label"]
        found = (o for image_id in part["image_id"] for o in outlines.get(image_id, []))
        counts = (
            part["patient_id"].nunique(),
            len(part),
            *(int((part["outcome"] == outcome).sum()) for outcome in ("abnormal", "normal")),
            sum(outline.positive for outline in found),
            *(int((labels == label).sum()) for label in (1, 0, -1)),
        )
        if len(part):
            rows.append(dict(zip(SPLIT_HEADS, (name, *counts), strict=True)))
    return rows


def count_files(run: RunFolder, *, limit: int = 25) -> list[tuple[str, str, int]]:
    """(status, reason, number) of the files of intake.csv, the commonest reasons first.

    Reasons beyond `limit` are one row; empty before preprocess.
    """
    if not run.intake.is_file():
        return []
    intake = read_csv_table(run.intake, written_by="make intake")
    counts = intake.groupby(["status", "reason"]).size().sort_values(ascending=False)
    rows = [(status, reason, int(n)) for (status, reason), n in counts.items()]
    rows.sort(key=lambda row: (row[0] != "used", row[0], -row[2]))
    if rest := rows[limit:]:
        rows[limit:] = [("", f"{len(rest)} other reasons", sum(row[2] for row in rest))]
    return rows


def is_synthetic(run: RunFolder) -> bool:
    """Whether any mammogram of the run is a phantom."""
    return run.mammograms.is_file() and bool((read_mammograms(run)["dataset"] == "phantom").any())


def abnormal_of(run: RunFolder) -> str:
    """Which findings count as abnormal, by the label rule of the run."""
    path = run.stage_settings("preprocess")
    if not path.is_file():
        return "any finding that the data set outlines"
    labels = yaml.safe_load(path.read_text(encoding="utf-8"))["labels"]
    return abnormal_in_words(LabelSettings.model_validate(labels))


def abnormal_in_words(rule: LabelSettings) -> str:
    """Which findings count as abnormal by a label rule."""
    kind = "any finding" if rule.kinds == "all" else f"a finding of kind {' or '.join(rule.kinds)}"
    if rule.positive == "all":
        return f"{kind} that the data set outlines, benign ones too"
    return f"{kind} that the data set outlines as {' or '.join(rule.positive)}"
