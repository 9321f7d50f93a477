"""What a user should know about a download, in sentences."""

from collections.abc import Collection, Mapping, Sequence

from pipeline.ingest.cbis_ddsm.division import Division
from pipeline.ingest.cbis_ddsm.files import Ending
from pipeline.ingest.cbis_ddsm.tables import TABLES


def notes(
    tables: Collection[str],
    division: Division,
    images: Sequence[dict],
    findings: Sequence[dict],
    endings: Mapping[str, Ending],
) -> list[str]:
    """Sentences on the tables, on what of them is on disk, and on what was left out.

    Args:
        tables: the lists whose tables are there.
        images, findings: rows of the catalog.
        endings: of all files, by file name.
    """
    lesions = (*division.kept, *division.borrowed)
    named = {lesion.name.image_id for lesion in lesions}
    there = {image["image_id"] for image in images}
    unlocated = [f["finding_id"] for f in findings if f["geometry"] == "none"]
    reasons = [ending.reason for ending in endings.values() if ending.status == "skipped"]
    copies = sum(reason.startswith("the same mammogram as") for reason in reasons)
    said = [_missing_tables(tables)]
    said.append(
        f"{len(there)} of the {len(named)} mammograms that the tables name are in data.root, with "
        f"{len(findings)} of {len(lesions)} lesions" + _such_as("; not", named - there)
    )
    if division.shared_patients:
        said.append(
            f"{len(division.shared_patients)} patients are on training and on test lists and "
            f"count as test patients: {len(division.left_out)} lesions on their training "
            f"mammograms are left out, {len(division.borrowed)} on test mammograms stay as truth"
        )
    if copies:
        said.append(f"{copies} files are copies of a mammogram; the lesions are united on one")
    said += [
        f"{name}: {ending.reason}"
        for name, ending in endings.items()
        if ending.status == "candidate" and ending.reason
    ]
    if unlocated:
        said.append(
            f"{len(unlocated)} lesions have no mask in data.root, so that no position of their "
            f"mammograms counts as negative{_such_as(':', unlocated)}"
        )
    return [sentence for sentence in said if sentence]


def _missing_tables(tables: Collection[str]) -> str:
    missing = [file for list_name, file in TABLES.items() if list_name not in tables]
    if not missing:
        return ""
    return (
        f"{', '.join(missing)} not found: mammograms that only they name are left out, and "
        "lesions that they have on other mammograms are unknown there and may count as negative"
    )


def _such_as(start: str, values: Collection[str]) -> str:
    """Up to three of the values; "" where there are none."""
    ordered = sorted(values)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return f"{start} {', '.join(ordered[:3])}{more}" if ordered else ""
