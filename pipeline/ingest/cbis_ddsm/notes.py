"""What a user should know about a download, in sentences."""

from collections.abc import Collection, Iterator

from pipeline.ingest.catalog import Catalog
from pipeline.ingest.cbis_ddsm.official_split import OfficialSplit
from pipeline.ingest.cbis_ddsm.tables import TABLES


def notes(tables: Collection[str], split: OfficialSplit, catalog: Catalog) -> Iterator[str]:
    """Sentences on the tables, on what of them is on disk, and on what was left out.

    Args:
        tables: the lists whose tables are there.
    """
    findings, files = catalog.findings, catalog.files
    missing = [file for list_name, file in TABLES.items() if list_name not in tables]
    if missing:
        yield (
            f"{', '.join(missing)} not found: mammograms that only they name are left out, and "
            "lesions that they have on other mammograms are unknown there and may count as negative"
        )
    lesions = (*split.kept, *split.borrowed)
    named, there = {lesion.name.image_id for lesion in lesions}, set(catalog.images["image_id"])
    yield (
        f"{len(there)} of the {len(named)} mammograms that the tables name are in data.root, with "
        f"{len(findings)} of {len(lesions)} lesions" + _such_as("; not", named - there)
    )
    if split.shared_patients:
        yield (
            f"{len(split.shared_patients)} patients are on training and on test lists and "
            f"count as test patients: {len(split.left_out)} lesions on their training "
            f"mammograms are left out, {len(split.borrowed)} on test mammograms stay as truth"
        )
    copies = int(files["reason"].str.startswith("the same mammogram as").sum())
    if copies:
        yield f"{copies} files are copies of a mammogram; the lesions are united on one"
    for file in files[(files["status"] == "candidate") & (files["reason"] != "")].itertuples():
        yield f"{file.file}: {file.reason}"
    unlocated = set(findings.loc[findings["geometry"] == "none", "finding_id"])
    if unlocated:
        yield (
            f"{len(unlocated)} lesions have no mask in data.root, so that no position of their "
            f"mammograms counts as negative{_such_as(':', unlocated)}"
        )


def _such_as(start: str, values: Collection[str]) -> str:
    """Up to three of the values; "" where there are none."""
    ordered = sorted(values)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return f"{start} {', '.join(ordered[:3])}{more}" if ordered else ""
