"""Side and view of a mammogram from its header, where sources disagree.

Each function returns its value and notes on what is contradictory.
"""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from pipeline.dicom.elements import items, word, words

TAGS = (
    *("ImageLaterality", "Laterality", "PatientOrientation", "SharedFunctionalGroupsSequence"),
    *("ViewPosition", "ViewCodeSequence"),
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
# The same in words, for codes that are not in these tables.
_VIEW_WORDS = {
    "CRANIO-CAUDAL": "CC",
    "CRANIOCAUDAL": "CC",
    "MEDIO-LATERAL OBLIQUE": "MLO",
    "MEDIOLATERAL OBLIQUE": "MLO",
    "MEDIO-LATERAL": "ML",
    "LATERO-MEDIAL": "LM",
}
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

    Of Image Laterality, Laterality, Frame Laterality and Patient Orientation the first counts.
    """
    found = {
        "Image Laterality": word(dataset, "ImageLaterality"),
        "Laterality": word(dataset, "Laterality"),
        "Frame Laterality": _frame_laterality(dataset),
        "Patient Orientation": _side_of_orientation(dataset),
    }
    named = {source: side for source, side in found.items() if side in ("L", "R")}
    source, side = next(iter(named.items()), ("", ""))
    if len(set(named.values())) <= 1:
        return side, source, []
    listed = ", ".join(f"{source} {side}" for source, side in named.items())
    return side, source, [f"contradictory sides: {listed}"]


def view(dataset: Dataset) -> tuple[View, list[str]]:
    """View Position, View Code Sequence with its modifiers, and CBIS-DDSM's own place."""
    position, modifiers = _named_view(word(dataset, "ViewPosition"))
    codes = []
    for item in items(dataset, "ViewCodeSequence"):
        meaning = word(item, "CodeMeaning")
        name = VIEWS.get(word(item, "CodeValue")) or _VIEW_WORDS.get(meaning, meaning.lower())
        codes.append(name)
        for modifier in items(item, "ViewModifierCodeSequence"):
            code, meaning = word(modifier, "CodeValue"), word(modifier, "CodeMeaning").lower()
            modifiers.append(MODIFIERS.get(code, meaning))
    # CBIS-DDSM writes the view where the orientation belongs.
    misplaced = [name for name in words(dataset, "PatientOrientation") if name in ("CC", "MLO")]
    found = [("View Position", position)]
    found += [("View Code Sequence", code) for code in codes]
    found += [("Patient Orientation", name) for name in misplaced]
    found = [(source, name) for source, name in found if name]
    names = tuple(dict.fromkeys(name for _, name in found))
    notes = [f"contradictory views: {', '.join(names)}"] if len(names) > 1 else []
    source, name = found[0] if found else ("", "")
    return View(name, names, tuple(dict.fromkeys(m for m in modifiers if m)), source), notes


def _named_view(text: str) -> tuple[str, list[str]]:
    """A View Position such as MLO, CC-ID, R CC or CRANIO-CAUDAL, and the modifier in it."""
    name = _VIEW_WORDS.get(text) or re.sub(r"[^A-Z]", "", text)
    displaced = name.endswith("ID") and _without_side(name[:-2]) in _NAMES
    name = name[:-2] if displaced else name
    return _without_side(name), [IMPLANT_DISPLACED] if displaced else []


def _without_side(name: str) -> str:
    has_side = name not in _NAMES and name[:1] in ("L", "R") and name[1:] in _NAMES
    return name[1:] if has_side else name


def _frame_laterality(dataset: Dataset) -> str:
    for group in items(dataset, "SharedFunctionalGroupsSequence"):
        for anatomy in items(group, "FrameAnatomySequence"):
            return word(anatomy, "FrameLaterality")
    return ""


def _side_of_orientation(dataset: Dataset) -> str:
    """The rows of a mammogram run downwards to the midline, so left breasts point to R."""
    orientation = words(dataset, "PatientOrientation")
    if len(orientation) != 2:
        return ""
    letters = set(orientation[1]) & {"L", "R"}
    return {"R": "L", "L": "R"}[letters.pop()] if len(letters) == 1 else ""
