"""Side, view and patient of a mammogram from its DICOM header, where sources disagree.

Each function returns its value and notes on what is missing or contradictory.
"""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from pipeline.dicom.values import word, words

HEADER_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "PatientID",
    "Modality",
    "ImageLaterality",
    "Laterality",
    "SharedFunctionalGroupsSequence",
    "PatientOrientation",
    "ViewPosition",
    "ViewCodeSequence",
]
# PS3.16 CID 4014, by SNOMED CT and by the older SNOMED RT code.
VIEWS = {
    "399162004": "CC",
    "R-10242": "CC",
    "399368009": "MLO",
    "R-10226": "MLO",
    "399260004": "ML",
    "R-10224": "ML",
    "399352003": "LM",
    "R-10228": "LM",
    "399099002": "LMO",
    "R-10230": "LMO",
    "399196006": "FB",
    "R-10244": "FB",
    "399188001": "SIO",
    "R-102D0": "SIO",
    "441555000": "ISO",
    "R-40AAA": "ISO",
    "399265009": "XCC",
    "399192008": "XCCL",
    "R-1024A": "XCCL",
    "399101009": "XCCM",
    "R-1024B": "XCCM",
    "127457009": "SPECIMEN",
    "G-8310": "SPECIMEN",
}
_NAMES = frozenset(VIEWS.values())
# PS3.16 CID 4015.
MODIFIERS = {
    "399161006": "cleavage",
    "R-102D2": "cleavage",
    "399011000": "axillary tail",
    "R-102D1": "axillary tail",
    "399197002": "rolled",
    "R-102D3": "rolled",
    "399226006": "rolled",
    "R-102D4": "rolled",
    "415670009": "rolled",
    "R-102C9": "rolled",
    "414493004": "rolled",
    "R-102CA": "rolled",
    "399209000": "implant displaced",
    "R-102D5": "implant displaced",
    "399163009": "magnification",
    "R-102D6": "magnification",
    "399055006": "spot compression",
    "R-102D7": "spot compression",
    "399110001": "tangential",
    "R-102C2": "tangential",
    "442581004": "nipple in profile",
    "R-40AB3": "nipple in profile",
    "441752004": "anterior compression",
    "P2-00161": "anterior compression",
    "442593008": "infra-mammary fold",
    "R-40ABE": "infra-mammary fold",
    "442580003": "axillary tissue",
    "R-40AB2": "axillary tissue",
}
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


def laterality(dataset: Dataset) -> tuple[str, list[str]]:
    """L, R or "": Image Laterality, Laterality, Frame Laterality, Patient Orientation."""
    named = _sides(dataset)
    if len(set(named.values())) > 1:
        said = ", ".join(f"{source} {side}" for source, side in named.items())
        return next(iter(named.values())), [f"contradictory sides: {said}"]
    return next(iter(named.values()), ""), []


def laterality_source(dataset: Dataset) -> str:
    """The attribute that `laterality` goes by; "" where none names a side."""
    return next(iter(_sides(dataset)), "")


def view(dataset: Dataset) -> tuple[View, list[str]]:
    """View Position, View Code Sequence with its modifiers, and CBIS-DDSM's own place."""
    position, modifiers = _named_view(word(dataset, "ViewPosition"))
    codes = []
    for item in dataset.get("ViewCodeSequence") or []:
        meaning = word(item, "CodeMeaning")
        codes.append(
            VIEWS.get(word(item, "CodeValue")) or _VIEW_WORDS.get(meaning, meaning.lower())
        )
        for modifier in item.get("ViewModifierCodeSequence") or []:
            code, meaning = word(modifier, "CodeValue"), word(modifier, "CodeMeaning").lower()
            modifiers.append(MODIFIERS.get(code, meaning))
    # CBIS-DDSM writes the view where the orientation belongs.
    orientation = words(dataset, "PatientOrientation")
    misplaced = [value for value in orientation if value in ("CC", "MLO")]
    found = [("View Position", position)]
    found += [("View Code Sequence", code) for code in codes]
    found += [("Patient Orientation", name) for name in misplaced]
    found = [(source, name) for source, name in found if name]
    names = tuple(dict.fromkeys(name for _, name in found))
    notes = [f"contradictory views: {', '.join(names)}"] if len(names) > 1 else []
    source, name = found[0] if found else ("", "")
    return View(name, names, tuple(dict.fromkeys(m for m in modifiers if m)), source), notes


def patient(dataset: Dataset) -> str:
    """Patient ID; in CBIS-DDSM the patient is a part of it. "" where it is blank.

    >>> header = Dataset(); header.PatientID = "Mass-Test_P_00173_RIGHT_CC"
    >>> patient(header)
    'P_00173'
    """
    text = str(dataset.get("PatientID") or "").strip()
    cbis = re.search(r"P_\d{5}", text)
    return cbis[0] if cbis else text


def _sides(dataset: Dataset) -> dict[str, str]:
    """L or R by attribute, the one that counts first."""
    found = {
        "Image Laterality": word(dataset, "ImageLaterality"),
        "Laterality": word(dataset, "Laterality"),
        "Frame Laterality": _frame_laterality(dataset),
        "Patient Orientation": _side_of_orientation(dataset),
    }
    return {source: side for source, side in found.items() if side in ("L", "R")}


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
    for group in dataset.get("SharedFunctionalGroupsSequence") or []:
        for anatomy in group.get("FrameAnatomySequence") or []:
            return word(anatomy, "FrameLaterality")
    return ""


def _side_of_orientation(dataset: Dataset) -> str:
    """The rows of a mammogram run downwards to the midline, so left breasts point to R."""
    orientation = words(dataset, "PatientOrientation")
    if len(orientation) != 2:
        return ""
    letters = set(orientation[1]) & {"L", "R"}
    return {"R": "L", "L": "R"}[letters.pop()] if len(letters) == 1 else ""
