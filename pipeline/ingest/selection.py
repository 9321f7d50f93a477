"""Which patients of a catalog are taken, and for which split."""

from dataclasses import replace

from pipeline.ingest.catalog import Catalog
from pipeline.run.errors import UserError


def limit_patients(catalog: Catalog, limit: int) -> Catalog:
    """Keep the first `limit` patients by id; the files of the others are skipped."""
    kept = sorted(catalog.images["patient_id"].unique())[:limit]
    chosen = catalog.images["patient_id"].isin(kept)
    images = catalog.images[chosen].reset_index(drop=True)
    findings = catalog.findings[catalog.findings["image_id"].isin(images["image_id"])]
    files = catalog.files.copy()
    others = files["file"].isin(catalog.images.loc[~chosen, "source"])
    files.loc[others, ["status", "reason"]] = ["skipped", "data.limit"]
    return Catalog(images, findings.reset_index(drop=True), files)


def apply_split(catalog: Catalog, split: dict[str, str], *, where: str) -> Catalog:
    """Fill `split_hint` by patient; patients that `split` does not name are left blank.

    Raises:
        UserError: the table names no patient of the data set, so its ids are of another kind.
    """
    patients = set(catalog.images["patient_id"])
    if patients and not patients & set(split):
        raise UserError(
            f"{where} names none of the patients, which are called {min(patients)!r} and so on."
        )
    images = catalog.images.copy()
    images["split_hint"] = images["patient_id"].map(split).fillna("")
    return replace(catalog, images=images)
