"""INbreast.csv: side, view, density and BI-RADS of each image.

    Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads

The table that comes with the set has these columns. One saved from INbreast.xls has more, may be
separated by commas, may have 22678622,0 for a number, and ends with rows of totals.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.ingest.listing import ListedFile
from pipeline.run.errors import UserError

_COLUMNS = ("laterality", "view", "filename", "acr", "birads")
_BIRADS = re.compile(r"[0-6][abc]?")


@dataclass(frozen=True)
class InbreastRow:
    """One row; what it does not say is ""."""

    laterality: str = ""  # L or R
    view: str = ""  # CC, MLO or FB
    density: str = ""  # ACR, 1 to 4
    birads: str = ""  # 0 to 6, 4a to 4c


def table_file(files: tuple[ListedFile, ...]) -> ListedFile | None:
    """INbreast.csv, the one nearest to the root; None where the data set comes without a table.

    Raises:
        UserError: it is there as a spreadsheet alone.
    """
    by_name: dict[str, ListedFile] = {}
    for file in sorted(files, key=lambda f: (f.name.count("/"), f.name)):
        by_name.setdefault(file.path.name.lower(), file)
    sheet = by_name.get("inbreast.xls") or by_name.get("inbreast.xlsx")
    if "inbreast.csv" not in by_name and sheet:
        raise UserError(
            f"{sheet.path} is a spreadsheet, and INbreast.csv is not there. Open it, save its "
            "first sheet as CSV under the name INbreast.csv beside it, and run this again."
        )
    return by_name.get("inbreast.csv")


def read_table(path: Path) -> dict[str, InbreastRow]:
    """Rows by image id; rows without an image, such as totals, are passed over.

    Raises:
        UserError: a column is missing, a BI-RADS is none, or an image has two different rows.
    """
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    separator = max(";,\t", key=(lines or [""])[0].count)
    table = csv.reader(lines, delimiter=separator)
    names = [re.sub(r"[^a-z]", "", cell.lower()) for cell in next(table, [])]
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise UserError(
            f"{path} must have the columns Laterality, View, File Name, ACR and Bi-Rads, not "
            f"{(lines or [''])[0]!r}."
        )
    rows: dict[str, InbreastRow] = {}
    for cells in table:
        where = f"{path}, line {table.line_num}"
        cell = {n: _plain(c) for n, c in zip(names, cells, strict=False)}
        image_id, side = cell.get("filename", ""), cell.get("laterality", "").upper()
        if not image_id.isdigit() or side not in ("L", "R"):
            continue
        row = InbreastRow(side, cell["view"].upper(), *_assessment(cell, where))
        if rows.setdefault(image_id, row) != row:
            raise UserError(f"{where}: image {image_id} has another row that says otherwise.")
    return rows


def _assessment(cell: dict[str, str], where: str) -> tuple[str, str]:
    """Density and BI-RADS."""
    density, birads = cell.get("acr", ""), cell.get("birads", "").lower()
    if birads and not _BIRADS.fullmatch(birads):
        raise UserError(f"{where}: Bi-Rads must be such as 2 or 4a, not {birads!r}.")
    return density if density in ("1", "2", "3", "4") else "", birads


def _plain(cell: str) -> str:
    """Without blanks around it, and whole numbers without decimals."""
    return re.sub(r"^(\d+)[.,]0+$", r"\1", cell.strip())
