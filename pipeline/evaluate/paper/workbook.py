"""A workbook of plain sheets (.xlsx): numbers and text under a header line, no formats.

Source: ECMA-376 Part 1, clause 18 (SpreadsheetML); text is inline (18.3.1.53).
"""

import string
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd

from pipeline.run.atomic import write_atomic

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_COLUMNS = string.ascii_uppercase  # so many at most
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same tables are the same bytes


def write_workbook(path: Path, sheets: Mapping[str, pd.DataFrame]) -> None:
    """Write tables as the sheets of a workbook; text stays text, a missing value is no cell."""
    parts = {
        "[Content_Types].xml": _content_types(len(sheets)),
        "_rels/.rels": _relationships([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _workbook(sheets),
        "xl/_rels/workbook.xml.rels": _relationships(
            [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(sheets) + 1)]
        ),
        **{f"xl/worksheets/sheet{n}.xml": _sheet(t) for n, t in enumerate(sheets.values(), 1)},
    }

    def write(temporary: Path) -> None:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in parts.items():
                info = zipfile.ZipInfo(name, _LONG_AGO)
                file.writestr(info, _HEAD + content, zipfile.ZIP_DEFLATED)

    write_atomic(path, write)


def _content_types(sheets: int) -> str:
    parts = [
        ("workbook", "sheet.main"),
        *((f"worksheets/sheet{n + 1}", "worksheet") for n in range(sheets)),
    ]
    overrides = "".join(
        f'<Override PartName="/xl/{name}.xml" ContentType="{_TYPE}.{kind}+xml"/>'
        for name, kind in parts
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f"{overrides}</Types>"
    )


def _relationships(targets: Iterable[tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'


def _workbook(names: Iterable[str]) -> str:
    sheets = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in enumerate(names, start=1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _sheet(table: pd.DataFrame) -> str:
    lines = [list(table.columns), *table.itertuples(index=False, name=None)]
    rows = "".join(_row(number, line) for number, line in enumerate(lines, start=1))
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def _row(number: int, line: Iterable) -> str:
    cells = "".join(
        _cell(value, f"{letter}{number}") for letter, value in zip(_COLUMNS, line, strict=False)
    )
    return f'<row r="{number}">{cells}</row>'


def _cell(value: object, place: str) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>' if value else ""
    return f'<c r="{place}"><v>{value}</v></c>'
