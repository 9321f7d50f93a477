"""The files of the original tree of DDSM by what they are."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.ddsm.case import Case, case_name, read_case
from pipeline.ingest.picture_files import NO_LOSSY
from pipeline.ingest.source_files import SourceFile

FilmKey = tuple[str, str]  # A_0001_1 and LEFT_CC, or "" for the whole case

OVERLAY = ".overlay"
PREFERRED = (".png", ".tif", ".tiff", ".ljpeg")  # what somebody converted decodes for certain
_FILM = re.compile(
    r"([A-Z]_\d{4}_\d+)\.((?:LEFT|RIGHT)_(?:CC|MLO))(?:\.LJPEG)?(?:\.1)?(\.[A-Z]+)", re.IGNORECASE
)
_VOLUME = re.compile(r"(normal|cancer|benign|benign_without_callback)s?(_\d+)?", re.IGNORECASE)
_OTHERS = {
    re.compile(r"TAPE_.*|.*\.16_?PGM", re.IGNORECASE): "an overview of all films of a case",
    re.compile(r".*\.LJPEG\.\d+", re.IGNORECASE): "grey values without a header; take PNG or TIFF",
    re.compile(r".+\.jpe?g", re.IGNORECASE): NO_LOSSY,
}


@dataclass(frozen=True)
class Examination:
    """A case, its OVERLAY files by view, and the volume that it lies in."""

    file: SourceFile
    case: Case
    overlays: Mapping[str, SourceFile]

    @property
    def volume(self) -> str:
        """normal, cancer, benign, benign_without_callback, or "" where no folder says it."""
        parts = reversed(PurePosixPath(self.file.name).parts)
        return next((m[1].lower() for part in parts if (m := _VOLUME.fullmatch(part))), "")

    @cached_property
    def marked(self) -> frozenset[str]:
        """The views with marks, by their OVERLAY files or by the .ics."""
        announced = {view for view, film in self.case.films.items() if film.marked}
        return frozenset(announced | set(self.overlays))


def sort_files(builder: CatalogBuilder) -> list[tuple[SourceFile, Examination, str]]:
    """Find the films that can be tried, with the case and the view that each is of.

    Every other file is accounted for.
    """
    cases, marks, films = _first_of_each(builder)
    overlays: dict[str, dict[str, SourceFile]] = defaultdict(dict)
    for (name, view), file in marks.items():
        overlays[name][view] = file
        builder.skip(file, "marks of a film")
    examinations = {}
    for (name, _), file in cases.items():
        try:
            examinations[name] = Examination(file, read_case(file.path), overlays[name])
        except (ValueError, OSError) as error:
            builder.skip(file, f"no description of a case: {error}")
    found = []
    for (name, view), file in films.items():
        examination = examinations.get(name)
        if examination and view in examination.case.films:
            found.append((file, examination, view))
        elif examination:
            builder.skip(file, f"{examination.file.name} does not name {view}")
        elif (name, "") in cases:
            builder.fail(file, f"{cases[name, ''].name} is no description of its case")
        else:
            builder.skip(file, f"there is no {name.replace('_', '-')}.ics of its case")
    for name, examination in examinations.items():
        absent = [view for view in examination.case.films if (name, view) not in films]
        lacking = f"; no picture of {', '.join(absent)}" if absent else ""
        builder.skip(examination.file, f"the description of a case{lacking}")
    return found


def _first_of_each(builder: CatalogBuilder) -> list[dict[FilmKey, SourceFile]]:
    """The files of cases, of marks and of films by what they are of; of several the best one."""
    groups: dict[str, dict[FilmKey, list[SourceFile]]] = {
        kind: defaultdict(list) for kind in ("case", "marks", "film")
    }
    builder.skip_left_behind()
    for file in builder.left():
        match = _FILM.fullmatch(file.path.name)
        suffix = match[3].lower() if match else ""
        if name := case_name(file.path.name):
            groups["case"][name, ""].append(file)
        elif match and suffix in (OVERLAY, *PREFERRED):
            kind = "marks" if suffix == OVERLAY else "film"
            groups[kind][match[1].upper(), match[2].upper()].append(file)
        elif reasons := [why for other, why in _OTHERS.items() if other.fullmatch(file.path.name)]:
            builder.skip(file, reasons[0])
    for kind, by_key in groups.items():
        for same in by_key.values():
            same.sort(key=lambda f: (f.suffix in PREFERRED and PREFERRED.index(f.suffix), f.name))
            for other in same[1:]:
                builder.skip(other, f"the same {kind} as a {same[0].suffix} file that is taken")
    return [{key: same[0] for key, same in by_key.items()} for by_key in groups.values()]
