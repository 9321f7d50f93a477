"""The files of the original tree of DDSM by what they are."""

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TypeVar

from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.ddsm.case import Case, case_name, read_case
from pipeline.ingest.picture_files import LOSSY, NO_LOSSY
from pipeline.ingest.source_files import SourceFile

Key = TypeVar("Key", bound=Hashable)
FilmKey = tuple[str, str]  # A_0001_1 and LEFT_CC

OVERLAY = ".overlay"
PREFERRED = (".png", ".tif", ".tiff", ".ljpeg")  # what somebody converted decodes for certain
_FILM = re.compile(
    r"([A-Z]_\d{4}_\d+)\.((?:LEFT|RIGHT)_(?:CC|MLO))(?:\.LJPEG)?(?:\.1)?(\.[A-Z]+)", re.IGNORECASE
)
_VOLUME = re.compile(r"(normal|cancer|benign|benign_without_callback)s?(_\d+)?", re.IGNORECASE)
_OVERVIEW = re.compile(r"TAPE_.*|.*\.16_?PGM", re.IGNORECASE)
_HEADERLESS = re.compile(r".*\.LJPEG\.\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Examination:
    """A case, its OVERLAY files by view, and the volume that it lies in."""

    file: SourceFile
    case: Case
    overlays: Mapping[str, SourceFile]

    @property
    def volume(self) -> str:
        """normal, cancer, benign, benign_without_callback, or "" where no folder says it."""
        parts = PurePosixPath(self.file.name).parts
        matches = [_VOLUME.fullmatch(part) for part in reversed(parts)]
        return next((match[1].lower() for match in matches if match), "")

    @cached_property
    def marked(self) -> frozenset[str]:
        """The views with marks, by their OVERLAY files or by the .ics."""
        announced = {view for view, film in self.case.films.items() if film.marked}
        return frozenset(announced | set(self.overlays))


@dataclass(frozen=True)
class FilmFile:
    """The file of a film that can be tried, and the examination that describes it."""

    file: SourceFile
    examination: Examination
    view: str


def sort_files(builder: CatalogBuilder) -> list[FilmFile]:
    """Find the cases, their films and their marks; every other file is accounted for."""
    cases, overlays, films = _grouped(builder)
    marks = _first(builder, overlays, "marks")
    for file in marks.values():
        builder.skip(file, "marks of a film")
    described = _first(builder, cases, "case")
    examinations = _examinations(builder, described, marks)
    found = []
    for (name, view), file in _first(builder, films, "film").items():
        examination = examinations.get(name)
        if examination and view in examination.case.films:
            found.append(FilmFile(file, examination, view))
        elif examination:
            builder.skip(file, f"{examination.file.name} does not name {view}")
        elif name in described:
            builder.fail(file, f"{described[name].name} is no description of its case")
        else:
            builder.skip(file, f"there is no {name.replace('_', '-')}.ics of its case")
    there = {(film.examination.case.name, film.view) for film in found}
    for name, examination in examinations.items():
        absent = [view for view in examination.case.films if (name, view) not in there]
        lacking = f"; no picture of {', '.join(absent)}" if absent else ""
        builder.skip(examination.file, f"the description of a case{lacking}")
    return found


def _grouped(
    builder: CatalogBuilder,
) -> tuple[
    dict[str, list[SourceFile]], dict[FilmKey, list[SourceFile]], dict[FilmKey, list[SourceFile]]
]:
    """The files of each case, of the marks of each film, and of each film, the best one first."""
    cases: dict[str, list[SourceFile]] = defaultdict(list)
    overlays: dict[FilmKey, list[SourceFile]] = defaultdict(list)
    films: dict[FilmKey, list[SourceFile]] = defaultdict(list)
    builder.skip_left_behind()
    for file in builder.left():
        match = _FILM.fullmatch(file.path.name)
        kind = match[3].lower() if match else ""
        if name := case_name(file.path.name):
            cases[name].append(file)
        elif match and kind in (OVERLAY, *PREFERRED):
            key = (match[1].upper(), match[2].upper())
            (overlays if kind == OVERLAY else films)[key].append(file)
        elif reason := _other(file):
            builder.skip(file, reason)
    for same in films.values():
        same.sort(key=lambda f: (PREFERRED.index(f.suffix), f.name))
    return cases, overlays, films


def _first(
    builder: CatalogBuilder, groups: Mapping[Key, list[SourceFile]], what: str
) -> dict[Key, SourceFile]:
    """The first file of each group; the others are the same."""
    for first, *others in groups.values():
        for other in others:
            builder.skip(other, f"the same {what} as a {first.suffix} file that is taken")
    return {key: group[0] for key, group in groups.items()}


def _examinations(
    builder: CatalogBuilder,
    described: Mapping[str, SourceFile],
    marks: Mapping[FilmKey, SourceFile],
) -> dict[str, Examination]:
    by_case: dict[str, dict[str, SourceFile]] = defaultdict(dict)
    for (name, view), file in marks.items():
        by_case[name][view] = file
    examinations = {}
    for name, file in described.items():
        try:
            examinations[name] = Examination(file, read_case(file.path), by_case[name])
        except (ValueError, OSError) as error:
            builder.skip(file, f"no description of a case: {error}")
    return examinations


def _other(file: SourceFile) -> str:
    name = file.path.name
    if _OVERVIEW.fullmatch(name):
        return "an overview of all films of a case"
    if _HEADERLESS.fullmatch(name):
        return "grey values without a header; take PNG or TIFF"
    return NO_LOSSY if file.suffix in LOSSY else ""
