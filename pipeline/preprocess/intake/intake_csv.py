"""RUN/intake.csv: the end of every regular file below data.root."""

from collections.abc import Mapping

import pandas as pd

from pipeline.ingest.catalog import Catalog
from pipeline.preprocess.store.fill import Outcome

USED, SKIPPED, FAILED = "used", "skipped", "failed"
_AS_READ = (
    *("spacing_source", "magnification", "window", "polarity", "intent", "implant", "modifiers"),
    *("codec", "transfer_syntax", "breast_sure"),
)
# Of each file; image_id to dataset where it is an image, the rest where it was decoded.
INTAKE_COLUMNS = (
    *("file", "status", "reason", "image_id", "patient_id", "dataset", "split"),
    *("laterality", "laterality_source", "view", "view_source", "spacing_mm"),
    *_AS_READ,
    *("scanner", "site", "bytes", "notes"),
)


def intake_table(
    catalog: Catalog,
    outcomes: Mapping[str, Outcome],
    *,
    split: Mapping[str, str],
    notes: Mapping[str, list[str]],
) -> pd.DataFrame:
    """One row for each file of the catalog, in its order.

    Args:
        outcomes: what became of each image, by image id.
        split: train, validation or test of the images that are used, by image id.
        notes: doubts about images, by image id.

    Returns:
        Columns of intake.csv; status is used, skipped or failed, and a file that is not used
        has a reason.
    """
    images = {image["source"]: image for image in catalog.images.to_dict("records")}
    rows = []
    for file in catalog.files.to_dict("records"):
        row = dict.fromkeys(INTAKE_COLUMNS, "") | file
        if file["file"] in images:
            image = images[file["file"]]
            image_id, outcome = image["image_id"], outcomes[image["image_id"]]
            row |= {"status": outcome.status, "reason": outcome.reason}
            row |= {name: image[name] for name in ("image_id", "patient_id", "dataset", "site")}
            row |= {name: _text(outcome.info.get(name, "")) for name in _AS_READ}
            for name in ("laterality", "view", "scanner"):
                known = from_catalog_or_file(image, outcome.info, name)
                row[name], row[f"{name}_source"] = known
            row["spacing_mm"] = outcome.info.get("original_spacing_mm", "")
            row["split"] = split.get(image_id, "")
            row["notes"] = "; ".join(filter(None, [file["reason"], *notes.get(image_id, [])]))
        rows.append(tuple(row[name] for name in INTAKE_COLUMNS))
    return pd.DataFrame(rows, columns=list(INTAKE_COLUMNS))


def intake_counts(intake: pd.DataFrame) -> dict[str, int]:
    """Files by status; the three numbers add up to all files."""
    counts = intake["status"].value_counts()
    return {status: int(counts.get(status, 0)) for status in (USED, SKIPPED, FAILED)}


def lost_share(counts: Mapping[str, int]) -> float:
    """failed / (used + failed), 0 where there is neither.

    >>> lost_share({"used": 3, "skipped": 10, "failed": 1})
    0.25
    """
    tried = counts[USED] + counts[FAILED]
    return counts[FAILED] / tried if tried else 0.0


def common_reasons(intake: pd.DataFrame, *, most: int = 4) -> str:
    """The commonest reasons of files that are not used, with their counts."""
    counts = intake.loc[intake["status"] != USED, "reason"].value_counts()
    named = [f"{count} x {reason}" for reason, count in counts.head(most).items()]
    rest = int(counts.iloc[most:].sum())
    return "; ".join(named + ([f"{rest} for other reasons"] if rest else []))


def from_catalog_or_file(image: Mapping, info: Mapping, name: str) -> tuple[str, str]:
    """Value and source of laterality, view or scanner: the catalog's goes before the file's.

    Returns:
        The value, and "catalog" or what the reader says of its source.
    """
    known, read = image[name], info.get(name, "")
    if known and known != read:
        return known, "catalog"
    return read, info.get(f"{name}_source", "")


def _text(value) -> str:
    """What a cell shows: yes, no, or words side by side."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else f"{value}"
