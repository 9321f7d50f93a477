"""A hospital's catalog without its names: what leaves the raw folder are keyed hashes.

The importers, and the user's own tables, go by the names as they are; this is the last step before
the catalog is written.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from pipeline.ingest.catalog import Catalog

# Files that are called so everywhere; pages look for them.
_OWN_NAMES = frozenset(("SYNTHETIC.txt", "findings.csv", "split.csv"))
_DENSITY = re.compile(r"[1-4a-dA-D]?")


def pseudonymised(catalog: Catalog, called: Callable[[str, str], str]) -> Catalog:
    """The catalog with pseudonyms in the rows of hospitals, and the others as they are.

    Args:
        called: the pseudonym of a name, after its kind.
    """
    for front in catalog.of_hospital:
        catalog = _one_set(catalog, front, called)
    return catalog


def _one_set(catalog: Catalog, front: str, called: Callable[[str, str], str]) -> Catalog:
    """The same for one set, before whose names `front` stands ("mine/", or "" if it is alone)."""

    def behind(kind: str, between: str = "/") -> Callable[[str], str]:
        start = front[:-1] + between if front else ""
        return lambda name: start + called(kind, name[len(start) :])

    def file_name(name: str) -> str:
        folder, slash, end = name[len(front) :].rpartition("/")
        if end not in _OWN_NAMES:
            return behind("file")(name)
        return front + called("file", folder) + slash + end

    images, findings, files = (t.copy() for t in (catalog.images, catalog.findings, catalog.files))
    own = images["source"].str.startswith(front)
    ids = {image_id: behind("image", "-")(image_id) for image_id in images.loc[own, "image_id"]}
    of_own = findings["image_id"].isin(ids)
    for column, change in (
        ("image_id", ids.__getitem__),
        ("patient_id", behind("patient")),
        ("file", lambda path: called("path", path)),
        ("source", file_name),
        ("site", lambda site: called("site", site)),
        ("density", lambda text: text if _DENSITY.fullmatch(text) else "other"),
    ):
        images.loc[own, column] = images.loc[own, column].map(change)
    findings.loc[of_own, "image_id"] = findings.loc[of_own, "image_id"].map(ids)
    numbers = (findings.groupby("image_id").cumcount() + 1).astype(str)
    findings.loc[of_own, "finding_id"] = (findings["image_id"] + "-" + numbers)[of_own]
    masks = of_own & (findings["geometry"] == "mask")
    findings.loc[masks, "coordinates"] = findings.loc[masks, "coordinates"].map(
        lambda text: json.dumps({"file": called("path", json.loads(text)["file"])})
    )
    here = files["file"].str.startswith(front)
    files.loc[here, "file"] = files.loc[here, "file"].map(file_name)
    split = {
        behind("patient")(patient) if patient.startswith(front) else patient: part
        for patient, part in catalog.split.items()
    }
    return replace(
        catalog,
        images=_sorted(images, "image_id"),
        findings=_sorted(findings, "finding_id"),
        files=_sorted(files, "file"),
        split=split,
    )


def _sorted(table: pd.DataFrame, key: str) -> pd.DataFrame:
    return table.sort_values(key, kind="stable", ignore_index=True)
