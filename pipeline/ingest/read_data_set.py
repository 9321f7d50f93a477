"""One data set to its catalog: its importer, then the user's split and limit, then the checks."""

import contextlib
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from pipeline.dicom.header import may_hold_marks
from pipeline.dicom.selection import NO_IMAGE
from pipeline.ingest.alike import KnownIds
from pipeline.ingest.catalog import Catalog, check_catalog
from pipeline.ingest.ignored_files import ARCHIVE, TABLE, kind_of_file
from pipeline.ingest.importers import Called, Request, as_it_is, importer, split_file
from pipeline.ingest.notes import some, tell
from pipeline.ingest.patient_doubts import patient_doubts
from pipeline.ingest.source_files import SourceFile
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError
from pipeline.run.pseudonyms import original

WITH_FINDINGS = ("dicom", "ddsm")  # importers that read the user's table of findings
_TABLES = (".csv", ".tsv", ".txt", ".xls", ".xlsx", ".ods")
# In whose name these words stand: Splits.csv, my_split.csv, split (1).csv, split.csv.txt.
_OWN_TABLE = re.compile(r"(?<![a-z])(split|finding)s?(?![a-z])")
PARTS = ("train", "validation", "test")


def read_data_set(request: Request) -> Catalog:
    """The catalog of a data set, with what the user said about its patients.

    Raises:
        UserError: it is wrong in a way that the user can mend, or has no image.
    """
    data = request.data
    takers = (*WITH_FINDINGS, "cbis_ddsm")  # the last one tables of its own
    if data.findings is not None and data.importer not in takers:
        raise UserError(
            f"data.findings={data.findings} would not be read: importer {data.importer} takes no "
            f"table of findings, only {', '.join(takers)} do. Leave it out."
        )
    catalog = importer(data.importer)(request)
    if not data.pseudonyms:
        catalog = replace(catalog, of_hospital=())
    if data.importer != "combined":  # whose sets have been looked at one by one
        called = request.called if catalog.of_hospital else as_it_is
        for note in _notes(request, catalog, as_it_is):
            tell(note)
        catalog = replace(catalog, notes=(*catalog.notes, *_notes(request, catalog, called)))
    if path := split_file(data):
        catalog = apply_split(catalog, read_split(path), where=str(path))
    # Of several sets each has been limited already.
    if data.limit is not None and data.importer != "combined":
        catalog = limit_patients(catalog, data.limit)
    check_catalog(catalog)
    if catalog.images.empty:
        reasons = catalog.files["reason"].value_counts()
        seen = ", ".join(f"{count} x {reason}" for reason, count in reasons.items())
        raise UserError(
            f"data.root={data.root} has no image that importer {data.importer} can read: "
            f"{seen or 'the folder is empty'}. Name the folder of the images in data.root, for a "
            "DICOMDIR that around it, for an archive where it is unpacked; or set data.importer."
        )
    return catalog


def _notes(request: Request, catalog: Catalog, called: Called) -> list[str]:
    unread = set(catalog.files.loc[catalog.files["reason"] == TABLE, "file"])
    return [
        *unread_tables(request, unread, called),
        *not_opened(catalog.files, called),
        *patient_doubts(catalog.images, called, catalog.alike),
    ]


def not_opened(files: pd.DataFrame, called: Called) -> list[str]:
    """Sentences about files in which there may be images, or what was found on them.

    Args:
        files: catalog/files.csv.
    """
    notes = []
    if archives := list(files.loc[files["reason"] == ARCHIVE, "file"]):
        named = some([called("file", name) for name in archives], most=3)
        notes.append(f"{len(archives)} archives are not opened: {named}; unpack what has images")
    objects = files["reason"].str.extract(f"^{NO_IMAGE}: (.+)$", expand=False).dropna()
    marks = objects[objects.map(may_hold_marks)].value_counts()
    if not marks.empty:
        counted = ", ".join(f"{count} {name}" for name, count in sorted(marks.items()))
        notes.append(
            f"what DICOM objects beside the images say of findings is not read ({counted}): write "
            "it into findings.csv (docs/findings-csv.md)"
        )
    return notes


def unread_tables(request: Request, unread: Collection[str], called: Called) -> list[str]:
    """Sentences about tables in data.root that look like the user's own and are not read.

    Args:
        unread: names of the files that the importer knows nothing about but that they are tables.
    """
    importer_name = request.data.importer
    own = {"split": split_file(request.data) or request.data.root / "split.csv"}
    if importer_name in WITH_FINDINGS:
        own["findings"] = request.data.findings or request.data.root / "findings.csv"
    notes = []
    for file in request.files:
        if file.name not in unread or file.suffix not in _TABLES or "/" in file.name:
            continue
        if not (kind := _kind_of_table(file)):
            continue
        if kind == "findings" and kind not in own:
            named = called("file", file.name)
            notes.append(f"{named} is not read: importer {importer_name} takes no such table")
        elif own[kind].resolve() != file.path.resolve():
            notes.append(
                f"{called('file', file.name)} is not read: the table must be called {kind}.csv "
                f"and be CSV, or be named with data.{kind}"
            )
    return notes


def _kind_of_table(file: SourceFile) -> str:
    """split, findings or "", by the name of a table or by its columns."""
    if word := _OWN_TABLE.search(file.name.casefold()):
        return {"split": "split", "finding": "findings"}[word[1]]
    with contextlib.suppress(UserError, OSError):
        columns = set(read_text_table(file.path, rename=_column, separators=",;\t").columns)
        if {"patient_id", "split"} <= columns:
            return "split"
        return "findings" if "kind" in columns and columns & {"file", "image_id"} else ""
    return ""


def _column(cell: str) -> str:
    return cell.strip().lower()


def read_split(path: Path) -> dict[str, str]:
    """The user's own split by patient id: a table with the columns patient_id and split.

    Raises:
        UserError: a column is missing, a split is unknown, a patient is in two splits.
    """
    table = read_text_table(
        path,
        needed=("patient_id", "split"),
        rename=_column,
        separators=",;\t",
        advice="Give a CSV of patient_id,split in UTF-8.",
    )
    split: dict[str, str] = {}
    for where, row in table.rows:
        patient, part = original(row["patient_id"]), row["split"].lower()
        if not patient:
            raise UserError(f"{where}: patient_id is blank. Name the patient or take the line out.")
        if part not in PARTS:
            raise UserError(f"{where}: split must be one of {', '.join(PARTS)}, not {part!r}.")
        if split.setdefault(patient, part) != part:
            raise UserError(f"{where}: patient {patient} is in {split[patient]} and {part}.")
    return split


def apply_split(catalog: Catalog, split: dict[str, str], *, where: str) -> Catalog:
    """Take the user's split in place of the data set's own, also for whom it does not name.

    Who is in the table and not in the data set is told in a note.

    Raises:
        UserError: the table names no patient of the data set, so its ids are of another kind; or
            one that it does not name is called almost as one that it names.
    """
    patients = sorted(set(catalog.images["patient_id"]))
    own = {patient: split[patient] for patient in patients if patient in split}
    strangers = sorted(set(split) - set(patients))
    known = KnownIds(patients)
    meant = {stranger: known.meant(stranger) for stranger in strangers}
    alike = [
        f"{stranger!r} is almost {patient!r} ({why})"
        for stranger, (patient, why) in meant.items()
        if patient and own.get(patient) != split[stranger]
    ]
    if patients and not own:
        raise UserError(
            f"{where} names none of the patients, which are called {patients[0]!r} and so on. "
            f"{_how(alike)}"
        )
    if alike:
        raise UserError(
            f"{where}: {len(strangers)} of its {len(split)} patients are none of the data set, "
            "whose patients of almost the same name would be split without the table, or are in "
            f"another part of it. {_how(alike)}"
        )
    notes = list(catalog.notes)
    if strangers:
        named = [
            f"{stranger!r} (almost {patient!r}: {why})" if patient else repr(stranger)
            for stranger, (patient, why) in meant.items()
        ]
        count = (
            f"{len(strangers)} of the {len(split)} patients in {{}} have no image in the data set"
        )
        note = f"{count.format(where)}: {some(named)}"
        tell(note)
        notes.append(count.format("the table of the split") if catalog.of_hospital else note)
    images = catalog.images.assign(split_hint="")
    return replace(catalog, images=images, split=own, notes=tuple(notes))


def _how(alike: list[str]) -> str:
    """What to do about ids that are almost right."""
    if not alike:
        return "Write patient_id as it stands in the tables of the data set or in the DICOM files."
    return (
        f"{some(alike, '; ')}. Write the ids as the data set has them (in a spreadsheet as text, "
        "not as numbers), or take the lines out."
    )


def with_broken_links(catalog: Catalog, links: Sequence[SourceFile]) -> Catalog:
    """The catalog with links to files that are not there, which may be images that are lost."""
    if not links:
        return catalog
    rows = []
    for link in links:
        kind = kind_of_file(link, "")
        status = "skipped" if kind == TABLE else "failed"
        reason = "a link to a file that is not there"
        rows.append({"file": link.name, "bytes": 0, "status": status, "reason": reason})
    files = pd.concat([catalog.files, pd.DataFrame(rows)])
    return replace(catalog, files=files.sort_values("file", kind="stable", ignore_index=True))


def limit_patients(catalog: Catalog, limit: int) -> Catalog:
    """Keep the first `limit` patients by id; the files of the others are skipped."""
    kept = sorted(catalog.images["patient_id"].unique())[:limit]
    chosen = catalog.images["patient_id"].isin(kept)
    images = catalog.images[chosen].reset_index(drop=True)
    findings = catalog.findings[catalog.findings["image_id"].isin(images["image_id"])]
    files = catalog.files.copy()
    others = files["file"].isin(catalog.images.loc[~chosen, "source"])
    files.loc[others, ["status", "reason"]] = ["skipped", "data.limit"]
    split = {patient: part for patient, part in catalog.split.items() if patient in kept}
    return replace(
        catalog,
        images=images,
        findings=findings.reset_index(drop=True),
        files=files,
        split=split,
    )
