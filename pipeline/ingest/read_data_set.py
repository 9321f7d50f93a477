"""One data set to its catalog: its importer, then the user's split and limit, then the checks."""

from dataclasses import replace
from pathlib import Path

from pipeline.ingest.catalog import Catalog, check_catalog
from pipeline.ingest.data_sets import split_file
from pipeline.ingest.importers import Request, importer
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError

PARTS = ("train", "validation", "test")


def read_data_set(request: Request) -> Catalog:
    """The catalog of a data set, with what the user said about its patients.

    Raises:
        UserError: it is wrong in a way that the user can mend, or has no image.
    """
    data = request.data
    catalog = importer(data.importer)(request)
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
            f"{seen or 'the folder is empty'}. Set data.importer and data.root."
        )
    return catalog


def read_split(path: Path) -> dict[str, str]:
    """The user's own split by patient id: a table with the columns patient_id and split.

    Raises:
        UserError: a column is missing, a split is unknown, a patient is in two splits.
    """
    table = read_text_table(
        path,
        needed=("patient_id", "split"),
        rename=lambda cell: cell.strip().lower(),
        separators=",;",
        advice="Give a CSV of patient_id,split in UTF-8.",
    )
    split: dict[str, str] = {}
    for where, row in table.rows:
        patient, part = row["patient_id"], row["split"].lower()
        if part not in PARTS:
            raise UserError(f"{where}: split must be one of {', '.join(PARTS)}, not {part!r}.")
        if split.setdefault(patient, part) != part:
            raise UserError(f"{where}: patient {patient} is in {split[patient]} and {part}.")
    return split


def apply_split(catalog: Catalog, split: dict[str, str], *, where: str) -> Catalog:
    """Take the user's split in place of the data set's own, also for whom it does not name.

    Raises:
        UserError: the table names no patient of the data set, so its ids are of another kind.
    """
    patients = sorted(set(catalog.images["patient_id"]))
    own = {patient: split[patient] for patient in patients if patient in split}
    if patients and not own:
        raise UserError(
            f"{where} names none of the patients, which are called {patients[0]!r} and so on."
        )
    return replace(catalog, images=catalog.images.assign(split_hint=""), split=own)


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
    return Catalog(images, findings.reset_index(drop=True), files, split)
