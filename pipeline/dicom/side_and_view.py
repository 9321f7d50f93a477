"""Side and view of a mammogram from its header, where sources disagree.

Each function returns its value and notes on what is contradictory.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset

from pipeline.dicom.elements import items, word, words

# Free text, asked where no attribute of their own says side and view.
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
TAGS = (
    *("ImageLaterality", "Laterality", "PatientOrientation", "SharedFunctionalGroupsSequence"),
    *("ViewPosition", "ViewCodeSequence", "AnatomicRegionSequence", *_DESCRIPTIONS),
)


def _by_code(names: dict[str, str]) -> dict[str, str]:
    return {code: name for name, codes in names.items() for code in codes.split()}


# PS3.16 CID 4014, by SNOMED CT and by the older SNOMED RT code.
VIEWS = _by_code(
    {
        "CC": "399162004 R-10242",
        "MLO": "399368009 R-10226",
        "ML": "399260004 R-10224",
        "LM": "399352003 R-10228",
        "LMO": "399099002 R-10230",
        "FB": "399196006 R-10244",
        "SIO": "399188001 R-102D0",
        "ISO": "441555000 R-40AAA",
        "XCC": "399265009",
        "XCCL": "399192008 R-1024A",
        "XCCM": "399101009 R-1024B",
        "SPECIMEN": "127457009 G-8310",
    }
)
_SHOWN = 64  # characters of a text that people see
_LONGEST = 256  # characters of a description, of which DICOM allows 64, that are looked through
_NAMES = frozenset(VIEWS.values())
# PS3.16 CID 4015.
MODIFIERS = _by_code(
    {
        "cleavage": "399161006 R-102D2",
        "axillary tail": "399011000 R-102D1",
        "rolled": "399197002 R-102D3 399226006 R-102D4 415670009 R-102C9 414493004 R-102CA",
        "implant displaced": "399209000 R-102D5",
        "magnification": "399163009 R-102D6",
        "spot compression": "399055006 R-102D7",
        "tangential": "399110001 R-102C2",
        "nipple in profile": "442581004 R-40AB3",
        "anterior compression": "441752004 P2-00161",
        "infra-mammary fold": "442593008 R-40ABE",
        "axillary tissue": "442580003 R-40AB2",
    }
)
# The same in words, their letters only; makers turn them round and leave the hyphens out.
_VIEW_WORDS = {
    "CRANIOCAUDAL": "CC",
    "MEDIOLATERALOBLIQUE": "MLO",
    "OBLIQUEMEDIOLATERAL": "MLO",
    "MLOBLIQUE": "MLO",
    "MEDIOLATERAL": "ML",
    "LATEROMEDIAL": "LM",
    "LATEROMEDIALOBLIQUE": "LMO",
    "OBLIQUELATEROMEDIAL": "LMO",
    "CAUDOCRANIAL": "FB",
    "FROMBELOW": "FB",
    "CRANIOCAUDALEXAGGERATED": "XCC",
    "EXAGGERATEDCRANIOCAUDAL": "XCC",
    "CRANIOCAUDALEXAGGERATEDLATERALLY": "XCCL",
    "CRANIOCAUDALEXAGGERATEDMEDIALLY": "XCCM",
}
_SIDE_WORDS = {
    side: letter
    for letter, sides in {
        "L": "L LT LEFT SINISTER LINKS GAUCHE IZQUIERDA SINISTRA ESQUERDA",
        "R": "R RT RIGHT DEXTER RECHTS DROITE DERECHA DESTRA DIREITA",
    }.items()
    for side in sides.split()
}
# Beside a side or a view these say nothing more.
_BESIDE = frozenset(
    (
        *("BREAST", "MAMMO", "MAMMOGRAM", "MAMMOGRAPHY", "MG", "PROJECTION", "SIDE", "THE", "VIEW"),
        *("DIGITAL", "FFDM", "SCREENING"),
    )
)
# Projections that are none of a whole breast, and parts of one: whatever else a text says, what has
# one of these in it is no screening view.
_OTHER_IN_ANY_TEXT = frozenset(
    (
        *("SPOT", "MAG", "MAGNIFICATION", "MAGNIFIED", "CONE", "SPECIMEN", "STEREO"),
        *("STEREOTACTIC", "SCOUT", "GALACTOGRAM", "BIOPSY", "LOCALIZATION", "TANGENTIAL"),
        *("PHANTOM", "QC", "QA", "CALIBRATION"),
    )
)
_OTHER_VIEWS = _OTHER_IN_ANY_TEXT | frozenset(
    (
        *("AP", "PA", "LL", "RL", "LLD", "RLD", "LLO", "RLO", "LAT"),
        *("TAN", "CV", "CLEAVAGE", "AT", "AXILLA", "AXILLARY", "ROLLED"),
    )
)
# PS3.16 CID 4031 and 244, by SNOMED CT and by the older SNOMED RT code: a breast, and a side of it.
_SIDES = _by_code({"L": "80248007 T-04030 7771000 G-A101", "R": "73056007 T-04020 24028007 G-A100"})
# Both or none: a side is looked for elsewhere, nobody need know.
_NO_SIDE = ("B", "BOTH", "BILATERAL", "U", "UNKNOWN", "UNPAIRED")
# Modifiers that leave the whole breast in the picture.
IMPLANT_DISPLACED = "implant displaced"
SCREENING_MODIFIERS = (IMPLANT_DISPLACED, "nipple in profile", "infra-mammary fold")


@dataclass(frozen=True)
class View:
    """View of a mammogram: the first name found and where, all names found, and the modifiers."""

    name: str
    names: tuple[str, ...]
    modifiers: tuple[str, ...]
    source: str = ""


def laterality(dataset: Dataset) -> tuple[str, str, list[str]]:
    """L, R or "", the attribute that says so, and notes.

    Of Image Laterality, Laterality, Frame Laterality, Anatomic Region with its modifiers, Patient
    Orientation, View Position (as in R MLO) and descriptions the first counts.
    """
    found = {
        "Image Laterality": _named_side(_all_of(dataset, "ImageLaterality")),
        "Laterality": _named_side(_all_of(dataset, "Laterality")),
        "Frame Laterality": _named_side(_frame_laterality(dataset)),
        "Anatomic Region": _side_of_anatomy(dataset),
        "Patient Orientation": _side_of_orientation(dataset),
        "View Position": _named_view(_all_of(dataset, "ViewPosition")).side,
        **{source: described.side for source, described in _descriptions(dataset)},
    }
    named = {source: side for source, side in found.items() if side in ("L", "R")}
    source, side = next(iter(named.items()), ("", ""))
    notes = [
        f"{source} '{text[:_SHOWN]}' is no side that is known: left out"
        for source, text in found.items()
        if text not in ("", "L", "R", *_NO_SIDE)
    ]
    if len(set(named.values())) > 1:
        listed = ", ".join(f"{source} {side}" for source, side in named.items())
        notes.append(f"contradictory sides: {listed}")
    return side, source, notes


def view(dataset: Dataset) -> tuple[View, list[str]]:
    """View Position, View Code Sequence with its modifiers, CBIS-DDSM's own place, descriptions.

    A description counts where nothing else names a view. Elsewhere a note says what it calls other
    than a screening view.
    """
    text = _all_of(dataset, "ViewPosition")
    position = _named_view(text)
    modifiers = [IMPLANT_DISPLACED] if position.displaced else []
    codes, unknown = [], [("View Position", text)] if text and not position.name else []
    for item in items(dataset, "ViewCodeSequence"):
        meaning = word(item, "CodeMeaning")
        known = VIEWS.get(word(item, "CodeValue")) or _named_view(meaning).name
        codes.append(known)
        unknown += [("View Code Sequence", meaning)] if meaning and not known else []
        for modifier in items(item, "ViewModifierCodeSequence"):
            meaning = word(modifier, "CodeMeaning")
            known = MODIFIERS.get(word(modifier, "CodeValue"), "")
            known = known or _other_view(meaning).lower()
            modifiers.append(known)
            unknown += [("View Modifier", meaning)] if meaning and not known else []
    described = _descriptions(dataset)
    # CBIS-DDSM writes the view where the orientation belongs.
    misplaced = [name for name in words(dataset, "PatientOrientation") if name in ("CC", "MLO")]
    found = [("View Position", position.name)]
    found += [("View Code Sequence", code) for code in codes]
    found += [("Patient Orientation", name) for name in misplaced]
    found = [(source, name) for source, name in found if name]
    notes = [
        f"{source} says {each.other}: perhaps no screening view"
        for source, each in described
        if each.other
    ]
    if not found:
        found = [(source, each.other or each.name) for source, each in described]
        found, notes = [(source, name) for source, name in found if name][:1], []
    names = tuple(dict.fromkeys(name for _, name in found))
    notes += [f"contradictory views: {', '.join(names)}"] if len(names) > 1 else []
    notes += [
        f"{source} '{text[:_SHOWN]}' is no view that is known: left out" for source, text in unknown
    ]
    source, name = found[0] if found else ("", "")
    return View(name, names, tuple(dict.fromkeys(m for m in modifiers if m)), source), notes


@dataclass(frozen=True)
class _Named:
    """What one text names: a view or "", a side or "", and whether an implant is displaced."""

    name: str = ""
    side: str = ""
    displaced: bool = False


@dataclass(frozen=True)
class _Described:
    """What free text names: one side, one view, and words of no screening view."""

    side: str = ""
    name: str = ""
    other: str = ""


def _descriptions(dataset: Dataset) -> list[tuple[str, _Described]]:
    """What each description says, after its name."""
    texts = [(dictionary_description(name), _all_of(dataset, name)) for name in _DESCRIPTIONS]
    return [(source, _described(text[:_LONGEST])) for source, text in texts if text]


@functools.lru_cache
def _described(text: str) -> _Described:
    """Sides and views among other words, where they agree."""
    parts = re.findall(r"[^\W\d_]+", text)
    named = [_known_view(each) for each in (text, *parts)]
    sides = {*(each.side for each in named), *(_SIDE_WORDS.get(part, "") for part in parts)} - {""}
    names = {each.name for each in named} - {"", *_OTHER_IN_ANY_TEXT}
    return _Described(
        sides.pop() if len(sides) == 1 else "",
        names.pop() if len(names) == 1 else "",
        " ".join(part for part in parts if part in _OTHER_IN_ANY_TEXT),
    )


@functools.lru_cache  # of many files the same few words are asked for again and again
def _named_view(text: str) -> _Named:
    """A View Position such as MLO, CC-ID, MLO RIGHT, CRANIO-CAUDAL, AP or CC SPOT."""
    if text in _SIDE_WORDS:
        return _Named(side=_SIDE_WORDS[text])
    known = _known_view(text)
    return known if known.name else _Named(_other_view(text))


def _other_view(text: str) -> str:
    """The known words of a text that names what is no screening view, else ""."""
    parts = re.findall(r"[^\W\d_]+", text)
    known = [part for part in parts if part in _OTHER_VIEWS | _NAMES | _BESIDE]
    return " ".join(known) if not _OTHER_VIEWS.isdisjoint(parts) else ""


def _all_of(dataset: Dataset, keyword: str) -> str:
    """The value; of several the one that they agree on, or all of them, which are no word."""
    return "\\".join(dict.fromkeys(words(dataset, keyword)))


def _known_view(text: str) -> _Named:
    """A view of `VIEWS` with side and implant in any order; what has more in it names none."""
    parts = [part for part in re.findall(r"[^\W\d_]+", text) if part not in _BESIDE]
    displaced = "ID" in parts[1:]
    parts = [part for part in parts if part != "ID"] if displaced else parts
    # M L O has a letter that is no side, so that the whole comes first.
    for rest, side in ((parts, ""), (parts[1:], parts[:1]), (parts[:-1], parts[-1:])):
        letter = _SIDE_WORDS.get(side[0], "") if side else ""
        if not rest or (side and not letter):
            continue
        together = "".join(rest)
        for name, joined, ends_in_id in _readings(together):
            if name:
                return _Named(name, joined or letter, displaced or ends_in_id)
    return _Named()


def _readings(together: str) -> Iterator[tuple[str, str, bool]]:
    """The view, the side beside it and whether ID follows, for each way to read these letters."""
    for text, ends_in_id in ((together, False), (together.removesuffix("ID"), True)):
        for name, letter in (("", ""), *_SIDE_WORDS.items()):
            for rest in (text.removeprefix(name), text.removesuffix(name)):
                view = rest if rest in _NAMES else _VIEW_WORDS.get(rest, "")
                yield view, letter, ends_in_id


@functools.lru_cache
def _named_side(text: str) -> str:
    """L or R of words such as LEFT BREAST or RCC; the text itself where it names neither."""
    parts = {part for part in re.findall(r"[^\W\d_]+", text) if part not in _BESIDE}
    sides = {_SIDE_WORDS.get(part, "") for part in parts}
    return (len(sides) == 1 and sides.pop()) or _known_view(text).side or text


def _frame_laterality(dataset: Dataset) -> str:
    for group in items(dataset, "SharedFunctionalGroupsSequence"):
        for anatomy in items(group, "FrameAnatomySequence"):
            return word(anatomy, "FrameLaterality")
    return ""


def _side_of_anatomy(dataset: Dataset) -> str:
    """Of the codes, which may say the side in two ways; "" unless they agree."""
    regions = items(dataset, "AnatomicRegionSequence")
    codes = [*regions]
    codes += [
        code for region in regions for code in items(region, "AnatomicRegionModifierSequence")
    ]
    sides = {_SIDES.get(word(code, "CodeValue"), "") for code in codes} - {""}
    sides = sides or {_named_side(word(code, "CodeMeaning")) for code in codes} & {"L", "R"}
    return sides.pop() if len(sides) == 1 else ""


def _side_of_orientation(dataset: Dataset) -> str:
    """The rows of a mammogram run downwards to the midline, so left breasts point to R."""
    orientation = words(dataset, "PatientOrientation")
    if len(orientation) != 2:
        return ""
    letters = set(orientation[1]) & {"L", "R"}
    return {"R": "L", "L": "R"}[letters.pop()] if len(letters) == 1 else ""
