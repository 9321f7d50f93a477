"""The description of a DDSM case, A-0001-1.ics: its films, their sizes and their digitiser."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.ingest.cells import acr_density

VIEWS = ("LEFT_CC", "LEFT_MLO", "RIGHT_CC", "RIGHT_MLO")
_NAME = re.compile(r"([A-Z])[-_](\d{4})[-_](\d+)\.ics", re.IGNORECASE)


@dataclass(frozen=True)
class Film:
    """One film, as the case describes it."""

    height: int  # pixels
    width: int
    bits: int  # of a grey value
    spacing_mm: float | None
    marked: bool  # there is an OVERLAY file


@dataclass(frozen=True)
class Case:
    """One examination; `name` is A_0001_1, as the films write it."""

    name: str
    density: str  # ACR, 1 to 4, or ""
    digitiser: str
    films: dict[str, Film]  # by view, LEFT_CC and so on


def case_name(file_name: str) -> str:
    """The case that a file describes; "" if it is no .ics file.

    >>> case_name("A-0001-1.ics")
    'A_0001_1'
    """
    match = _NAME.fullmatch(file_name)
    return "_".join(match.groups()).upper() if match else ""


def read_case(path: Path) -> Case:
    """Read an .ics file.

    Raises:
        ValueError: it describes no film, or a line of a film makes no sense.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    facts = {words[0].upper(): words[1:] for line in lines if (words := line.split())}
    films = {view: _film(view, facts[view]) for view in VIEWS if view in facts}
    if not films:
        raise ValueError("no line of it describes a film")
    return Case(
        name=case_name(path.name),
        density=acr_density("".join(facts.get("DENSITY", []))),
        digitiser=" ".join(facts.get("DIGITIZER", [])).upper(),
        films=films,
    )


def _film(view: str, words: list[str]) -> Film:
    """LINES 4696 PIXELS_PER_LINE 3024 BITS_PER_PIXEL 12 RESOLUTION 50 OVERLAY; in micrometres."""
    facts = dict(zip(words[::2], words[1::2], strict=False))
    try:
        microns = float(facts.get("RESOLUTION", 0))
        return Film(
            height=int(facts["LINES"]),
            width=int(facts["PIXELS_PER_LINE"]),
            bits=int(facts["BITS_PER_PIXEL"]),
            spacing_mm=microns / 1000 if microns > 0 else None,
            marked="OVERLAY" in words,
        )
    except (KeyError, ValueError) as error:
        raise ValueError(f"the line of {view} makes no sense: {' '.join(words)}") from error
