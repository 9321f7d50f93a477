"""Side and view of a mammogram from its header, where sources disagree.

Each function returns its value and notes on what is contradictory.
"""

from dataclasses import dataclass

from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset

from pipeline.dicom.elements import items, word, words
from pipeline.dicom.view_words import (
    MODIFIERS,
    VIEWS,
    Described,
    by_code,
    described,
    named_side,
    named_view,
    other_view,
)

# Free text, asked where no attribute of their own says side and view.
_DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
TAGS = (
    *("ImageLaterality", "Laterality", "PatientOrientation", "SharedFunctionalGroupsSequence"),
    *("ViewPosition", "ViewCodeSequence", "AnatomicRegionSequence", *_DESCRIPTIONS),
)
_SHOWN = 64  # characters of a text that people see
_LONGEST = 256  # characters of a description, of which DICOM allows 64, that are looked through
# PS3.16 CID 4031 and 244, by SNOMED CT and by the older SNOMED RT code: a breast, and a side of it.
_SIDES = by_code({"L": "80248007 T-04030 7771000 G-A101", "R": "73056007 T-04020 24028007 G-A100"})
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
        "Image Laterality": named_side(_all_of(dataset, "ImageLaterality")),
        "Laterality": named_side(_all_of(dataset, "Laterality")),
        "Frame Laterality": named_side(_frame_laterality(dataset)),
        "Anatomic Region": _side_of_anatomy(dataset),
        "Patient Orientation": _side_of_orientation(dataset),
        "View Position": named_view(_all_of(dataset, "ViewPosition")).side,
        **{source: each.side for source, each in _descriptions(dataset)},
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
    position = named_view(text)
    modifiers = [IMPLANT_DISPLACED] if position.displaced else []
    codes, unknown = [], [("View Position", text)] if text and not position.name else []
    for item in items(dataset, "ViewCodeSequence"):
        meaning = word(item, "CodeMeaning")
        known = VIEWS.get(word(item, "CodeValue")) or named_view(meaning).name
        codes.append(known)
        unknown += [("View Code Sequence", meaning)] if meaning and not known else []
        for modifier in items(item, "ViewModifierCodeSequence"):
            meaning = word(modifier, "CodeMeaning")
            known = MODIFIERS.get(word(modifier, "CodeValue"), "")
            known = known or other_view(meaning).lower()
            modifiers.append(known)
            unknown += [("View Modifier", meaning)] if meaning and not known else []
    descriptions = _descriptions(dataset)
    # CBIS-DDSM writes the view where the orientation belongs.
    misplaced = [name for name in words(dataset, "PatientOrientation") if name in ("CC", "MLO")]
    found = [("View Position", position.name)]
    found += [("View Code Sequence", code) for code in codes]
    found += [("Patient Orientation", name) for name in misplaced]
    found = [(source, name) for source, name in found if name]
    notes = [
        f"{source} says {each.other}: perhaps no screening view"
        for source, each in descriptions
        if each.other
    ]
    if not found:
        found = [(source, each.other or each.name) for source, each in descriptions]
        found, notes = [(source, name) for source, name in found if name][:1], []
    names = tuple(dict.fromkeys(name for _, name in found))
    notes += [f"contradictory views: {', '.join(names)}"] if len(names) > 1 else []
    notes += [
        f"{source} '{text[:_SHOWN]}' is no view that is known: left out" for source, text in unknown
    ]
    source, name = found[0] if found else ("", "")
    return View(name, names, tuple(dict.fromkeys(m for m in modifiers if m)), source), notes


def _descriptions(dataset: Dataset) -> list[tuple[str, Described]]:
    """What each description says, after its name."""
    texts = [(dictionary_description(name), _all_of(dataset, name)) for name in _DESCRIPTIONS]
    return [(source, described(text[:_LONGEST])) for source, text in texts if text]


def _all_of(dataset: Dataset, keyword: str) -> str:
    """The value; of several the one that they agree on, or all of them, which are no word."""
    return "\\".join(dict.fromkeys(words(dataset, keyword)))


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
    sides = sides or {named_side(word(code, "CodeMeaning")) for code in codes} & {"L", "R"}
    return sides.pop() if len(sides) == 1 else ""


def _side_of_orientation(dataset: Dataset) -> str:
    """The rows of a mammogram run downwards to the midline, so left breasts point to R."""
    orientation = words(dataset, "PatientOrientation")
    if len(orientation) != 2:
        return ""
    letters = set(orientation[1]) & {"L", "R"}
    return {"R": "L", "L": "R"}[letters.pop()] if len(letters) == 1 else ""
