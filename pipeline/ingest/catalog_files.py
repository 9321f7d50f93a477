"""The catalog as files: three CSV tables and a summary.

catalog/images.csv    one row for each image that the reader shall try
catalog/findings.csv  one row for each finding, with or without an outline
catalog/files.csv     one row for every regular file below data.root
catalog/catalog.json  counts, checksums of the tables, fingerprint of the source
"""

import hashlib
import io

import pandas as pd

from pipeline.ingest.catalog import Catalog
from pipeline.run.atomic import json_text, write_text_if_changed
from pipeline.run.layout import RunFolder


def write_catalog(run: RunFolder, catalog: Catalog, *, summary: dict) -> bool:
    """Write the three tables, then catalog.json; each only if its content changed.

    Args:
        summary: importer, root and fingerprint; the counts and the tables' checksums are added.

    Returns:
        True when catalog.json was rewritten, which makes the later stages run.
    """
    tables = {
        run.images_table: csv_text(catalog.images),
        run.findings_table: csv_text(catalog.findings),
        run.files_table: csv_text(catalog.files),
    }
    for path, text in tables.items():
        write_text_if_changed(path, text)
    counts = {
        "images": len(catalog.images),
        "findings": len(catalog.findings),
        "patients": int(catalog.images["patient_id"].nunique()),
        "files": len(catalog.files),
    }
    checksums = {path.name: hashlib.sha256(t.encode()).hexdigest() for path, t in tables.items()}
    content = {
        "importer": summary["importer"],
        "root": summary["root"],
        **counts,
        "tables": checksums,
        "fingerprint": summary["fingerprint"],
    }
    return write_text_if_changed(run.catalog, json_text(content))


def read_catalog(run: RunFolder) -> Catalog:
    """The catalog of a run; ids and names are text, blanks are "" and not missing."""

    def read(path, numbers: dict) -> pd.DataFrame:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
        for column, kind in numbers.items():
            table[column] = pd.to_numeric(table[column]).astype(kind)
        return table

    return Catalog(
        images=read(run.images_table, {"spacing_mm": "float64"}),
        findings=read(run.findings_table, {}),
        files=read(run.files_table, {"bytes": "int64"}),
    )


def csv_text(table: pd.DataFrame) -> str:
    """A table as CSV with \\n line ends; the same table gives the same bytes everywhere."""
    stream = io.StringIO()
    table.to_csv(stream, index=False, lineterminator="\n")
    return stream.getvalue()
