"""Cells of the tables of others, in the words of the catalog."""

import re


def as_word(text: str) -> str:
    """Lower case, without blanks; what holds no letter or digit is unknown.

    >>> as_word("Ill defined")
    'ill_defined'
    """
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-") or "unknown"


def without_decimals(cell: str) -> str:
    """Whole numbers as such; spreadsheets write them with decimals.

    >>> without_decimals("49.0"), without_decimals("49.5")
    ('49', '49.5')
    """
    return re.sub(r"^(\d+)[.,]0+$", r"\1", cell)


def acr_density(text: str) -> str:
    """1 to 4; "" for anything else."""
    return text if text in ("1", "2", "3", "4") else ""
