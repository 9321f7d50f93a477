"""The files of the original tree of DDSM by what they are."""

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import TypeVar

from pipeline.ingest.bystanders import bystander, left_behind
from pipeline.ingest.ddsm.case import Case, case_name, read_case
from pipeline.ingest.ddsm.pixels import LOSSY, NO_LOSSY
from pipeline.ingest.listing import ListedFile

Key = TypeVar("Key", bound=Hashable)
Ends = dict[str, tuple[str, str]]  # file name: status and reason
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

    file: ListedFile
    case: Case
    overlays: Mapping[str, ListedFile]

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
class Tree:
    """What the files are.

    Attributes:
        films: the file of each film that can be tried.
        examinations: by case.
        ends: of all other files.
    """

    films: dict[FilmKey, ListedFile]
    examinations: dict[str, Examination]
    ends: Ends = field(default_factory=dict)


def sort_files(files: tuple[ListedFile, ...]) -> Tree:
    """Find the cases, their films and their marks; every other file gets its reason."""
    ends: Ends = {}
    cases, overlays, films = defaultdict(list), defaultdict(list), defaultdict(list)
    for file in files:
        match = _FILM.fullmatch(file.path.name)
        kind = match[3].lower() if match else ""
        if reason := left_behind(file):
            ends[file.name] = ("skipped", reason)
        elif name := case_name(file.path.name):
            cases[name].append(file)
        elif kind in (OVERLAY, *PREFERRED):
            key = (match[1].upper(), match[2].upper())
            (overlays if kind == OVERLAY else films)[key].append(file)
        else:
            ends[file.name] = ("skipped", _other(file))
    for same in films.values():
        same.sort(key=lambda f: (PREFERRED.index(f.path.suffix.lower()), f.name))
    marks = _first(overlays, ends, "marks")
    ends |= {file.name: ("skipped", "marks of a film") for file in marks.values()}
    described = _first(cases, ends, "case")
    examinations = dict(_examinations(described, marks, ends))
    tried = _tried(_first(films, ends, "film"), examinations, described, ends)
    for name, examination in examinations.items():
        absent = [view for view in examination.case.films if (name, view) not in tried]
        reason = "the description of a case"
        reason += f"; no picture of {', '.join(absent)}" if absent else ""
        ends[examination.file.name] = ("skipped", reason)
    return Tree(tried, examinations, ends)


def _first(groups: Mapping[Key, list[ListedFile]], ends: Ends, what: str) -> dict[Key, ListedFile]:
    """The first file of each group; says of the others that they are the same."""
    for first, *others in groups.values():
        for other in others:
            kind = first.path.suffix.lower()
            ends[other.name] = ("skipped", f"the same {what} as a {kind} file that is taken")
    return {key: group[0] for key, group in groups.items()}


def _examinations(
    described: Mapping[str, ListedFile], marks: Mapping[FilmKey, ListedFile], ends: Ends
):
    by_case = defaultdict(dict)
    for (name, view), file in marks.items():
        by_case[name][view] = file
    for name, file in described.items():
        try:
            yield name, Examination(file, read_case(file.path), by_case[name])
        except (ValueError, OSError) as error:
            ends[file.name] = ("skipped", f"no description of a case: {error}")


def _tried(
    films: Mapping[FilmKey, ListedFile],
    examinations: Mapping[str, Examination],
    described: Mapping[str, ListedFile],
    ends: Ends,
) -> dict[FilmKey, ListedFile]:
    """The films that their case describes."""
    tried = {}
    for (name, view), file in films.items():
        examination = examinations.get(name)
        if examination and view in examination.case.films:
            tried[name, view] = file
        elif examination:
            ends[file.name] = ("skipped", f"{examination.file.name} does not name {view}")
        elif name in described:
            ends[file.name] = ("failed", f"{described[name].name} is no description of its case")
        else:
            ends[file.name] = ("skipped", f"there is no {name.replace('_', '-')}.ics of its case")
    return tried


def _other(file: ListedFile) -> str:
    name = file.path.name
    if _OVERVIEW.fullmatch(name):
        return "an overview of all films of a case"
    if _HEADERLESS.fullmatch(name):
        return "grey values without a header; take PNG or TIFF"
    return NO_LOSSY if file.path.suffix.lower() in LOSSY else bystander(file)
