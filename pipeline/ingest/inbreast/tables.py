"""INbreast.csv: side, view, density and BI-RADS of each image.

    Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads

The table that comes with the set has these columns. One saved from INbreast.xls has more, may be
separated by commas, may have 22678622,0 for a number, and ends with rows of totals.
"""

import re
from pathlib import Path

from pipeline.ingest.cells import acr_density, without_decimals
from pipeline.ingest.source_files import SourceFile
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError

_COLUMNS = ("laterality", "view", "filename", "acr", "birads")
_BIRADS = re.compile(r"[0-6][abc]?")


def table_file(nearest: dict[str, SourceFile]) -> SourceFile | None:
    """INbreast.csv, the one nearest to the root; None where the data set comes without a table.

    Raises:
        UserError: it is there as a spreadsheet alone.
    """
    sheet = nearest.get("inbreast.xls") or nearest.get("inbreast.xlsx")
    if "inbreast.csv" not in nearest and sheet:
        raise UserError(
            f"{sheet.path} is a spreadsheet, and INbreast.csv is not there. Open it, save its "
            "first sheet as CSV under the name INbreast.csv beside it, and run this again."
        )
    return nearest.get("inbreast.csv")


def read_table(path: Path) -> dict[str, dict[str, str]]:
    """What the table says by image id: laterality, view, density (ACR, 1 to 4) and birads.

    Rows without an image, such as totals, are passed over; what a row does not say is "".

    Raises:
        UserError: a column is missing, a BI-RADS is none, or an image has two different rows.
    """
    table = read_text_table(
        path,
        needed=_COLUMNS,
        rename=lambda cell: re.sub(r"[^a-z]", "", cell.lower()),
        separators=";,\t",
        advice="It must have Laterality, View, File Name, ACR and Bi-Rads.",
        lenient=True,
    )
    rows: dict[str, dict[str, str]] = {}
    for where, cells in table.rows:
        cell = {name: without_decimals(value) for name, value in cells.items()}
        image_id, side = cell["filename"], cell["laterality"].upper()
        if not image_id.isdigit() or side not in ("L", "R"):
            continue
        birads = cell["birads"].lower()
        if birads and not _BIRADS.fullmatch(birads):
            raise UserError(f"{where}: Bi-Rads must be such as 2 or 4a, not {birads!r}.")
        row = {
            "laterality": side,
            "view": cell["view"].upper(),
            "density": acr_density(cell["acr"]),
            "birads": birads,
        }
        if rows.setdefault(image_id, row) != row:
            raise UserError(f"{where}: image {image_id} has another row that says otherwise.")
    return rows
