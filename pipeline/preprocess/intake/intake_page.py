"""RUN/intake.html: what came in, what was left out and why, in counts and small pictures."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from pipeline.config import Settings
from pipeline.ingest.catalog import Catalog
from pipeline.pages.embedded import data_address
from pipeline.pages.template import render
from pipeline.preprocess.accept import Accepted
from pipeline.preprocess.intake import counts
from pipeline.preprocess.intake.counts import kind_of
from pipeline.preprocess.intake.intake_csv import FAILED, SKIPPED, intake_counts, lost_share
from pipeline.preprocess.intake.thumbnails import left_out_thumbnails, store_thumbnail
from pipeline.preprocess.store.fill import Outcome
from pipeline.run.atomic import write_text
from pipeline.run.checksum import file_sha256
from pipeline.run.layout import RunFolder
from pipeline.run.map_images import default_workers
from pipeline.run.pseudonyms import is_private
from pipeline.run.settings import told

PAGE = Path(__file__).parent / "intake.html"
# They bound the page, to about 3 MB, and the time that it takes.
_SAMPLE, _PER_KIND, _KINDS = 24, 6, 16


def write_intake_page(
    run: RunFolder,
    *,
    catalog: Catalog,
    outcomes: Mapping[str, Outcome],
    table: pd.DataFrame,
    accepted: Accepted,
    audited: Mapping,
    settings: Settings,
    problem: str,
) -> None:
    """Write RUN/intake.html.

    Args:
        outcomes: what became of each image, by image id.
        table: intake.csv.
        audited: audit.json.
        problem: why the run stops here, "" where it goes on.
    """
    ends = intake_counts(table)
    page = render(
        PAGE,
        name=run.title,
        root=told(settings)["data"]["root"],
        synthetic=is_synthetic(catalog),
        problem=problem,
        counts=ends,
        lost_share=lost_share(ends),
        max_lost_share=settings.dicom.max_lost_share,
        reasons=counts.reason_rows(table),
        findings=audited["findings"],
        splits=counts.split_rows(accepted),
        catalog_notes=catalog.notes,
        split_notes=accepted.split_notes,
        lesions=counts.lesion_rows(catalog.findings, accepted),
        scanners=counts.scanner_rows(accepted.mammograms, outcomes),
        views=counts.view_rows(table),
        duplicates=counts.duplicate_rows(accepted.mammograms),
        quarantined=accepted.quarantined,
        samples=_pictures(_evenly_spread(accepted.mammograms, _SAMPLE), accepted),
        doubts=_doubts(accepted),
        left_out=_left_out(table, catalog, outcomes, settings),
    )
    write_text(run.intake_page, page)


def is_synthetic(catalog: Catalog) -> bool:
    """Whether a mammogram of the catalog was drawn by a program."""
    names = catalog.files["file"].map(lambda file: Path(file).name)
    return bool((catalog.images["dataset"] == "phantom").any() or (names == "SYNTHETIC.txt").any())


def _doubts(accepted: Accepted) -> list[dict]:
    """Groups of mammograms that are used though there is a note, by kind of note."""
    by_kind: dict[str, dict[str, str]] = {}
    for image_id, doubts in accepted.notes.items():
        for note in doubts:
            by_kind.setdefault(kind_of(note), {}).setdefault(image_id, note)
    by_id = accepted.mammograms.set_index("image_id", drop=False)
    groups = []
    for kind, note_of in _commonest(by_kind):
        # The title of the group says what is the same in all.
        notes = {image_id: note for image_id, note in note_of.items() if note != kind}
        pictures = _pictures(by_id.loc[list(note_of)[:_PER_KIND]], accepted, notes=notes)
        groups.append({"title": kind, "images": len(note_of), "pictures": pictures})
    return groups


def _left_out(
    table: pd.DataFrame, catalog: Catalog, outcomes: Mapping[str, Outcome], settings: Settings
) -> list[dict]:
    """Groups of files that are not used, by status and kind of reason."""
    paths = dict(zip(catalog.images["image_id"], catalog.images["file"], strict=True))
    groups: list[tuple[str, list[dict]]] = []
    for status in (FAILED, SKIPPED):
        by_kind: dict[str, list[dict]] = {}
        for row in table[table["status"] == status].to_dict("records"):
            by_kind.setdefault(f"{status}: {kind_of(row['reason'])}", []).append(row)
        groups += _commonest(by_kind)
    files = {}
    for row in (row for _, rows in groups for row in rows[:_PER_KIND] if row["image_id"]):
        path, outcome = paths[row["image_id"]], outcomes[row["image_id"]]
        if is_private(path):  # no breast is known in it, so that labels with names would be seen
            continue
        checksum = outcome.file_sha256
        # A failed file without a checksum is one that its worker did not survive.
        if not checksum and outcome.status != FAILED:
            checksum = file_sha256(Path(path))
        files[row["file"]] = path, checksum
    jpegs = dict(zip(files, left_out_thumbnails(list(files.values()), settings), strict=True))

    def picture(row: Mapping) -> dict:
        file, reason = row["file"], row["reason"]
        caption = file if kind_of(reason) == reason else f"{file}: {reason}"
        return _picture(jpegs.get(file, b""), caption)

    return [
        {"title": title, "images": len(rows), "pictures": [*map(picture, rows[:_PER_KIND])]}
        for title, rows in groups
    ]


def _commonest(groups: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))[:_KINDS]


def _evenly_spread(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """At most so many rows, at equal distances, in the order of data set, scanner and image."""
    ordered = rows.sort_values(["dataset", "scanner", "image_id"])
    count = min(count, len(ordered))
    return ordered.iloc[[index * len(ordered) // count for index in range(count)]]


def _pictures(
    rows: pd.DataFrame, accepted: Accepted, *, notes: Mapping[str, str] = MappingProxyType({})
) -> list[dict]:
    """Thumbnails of mammograms that are used; the note of an image id stands below."""
    wrong = {item.finding_id for item in accepted.quarantined}

    def draw(row: Mapping) -> dict:
        jpeg = store_thumbnail(row, accepted.given_outlines[row["image_id"]], wrong=wrong)
        caption = " ".join(filter(None, [row["image_id"], row["laterality"], row["view"]]))
        note = notes.get(row["image_id"])
        return _picture(jpeg, f"{caption}: {note}" if note else caption)

    with ThreadPoolExecutor(default_workers()) as threads:
        return list(threads.map(draw, rows.to_dict("records")))


def _picture(jpeg: bytes, caption: str) -> dict:
    """What the template shows; no address where nothing can be shown."""
    return {"address": data_address("jpeg", jpeg) if jpeg else "", "caption": caption}
