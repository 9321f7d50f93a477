"""One data set to its catalog: its importer, then the user's split and limit, then the checks."""

from pipeline.ingest.catalog import Catalog, check_catalog
from pipeline.ingest.data_sets import split_file
from pipeline.ingest.importers import Request, importer
from pipeline.ingest.split_table import apply_split, read_split
from pipeline.run.errors import UserError


def read_data_set(request: Request) -> Catalog:
    """The catalog of a data set, with what the user said about its patients.

    Raises:
        UserError: it is wrong in a way that the user can mend, or has no image.
    """
    data = request.data
    catalog = importer(data.importer)(request)
    path = split_file(data)
    if path is not None:
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
