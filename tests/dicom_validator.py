"""dicom-validator, a second judge of DICOM files that the product writes.

It downloads the standard when it starts. Here it is given that of spring 2020, which the package
dicom-standard holds as JSON, in the form that it makes of its downloads.
"""

import functools
import html
import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

import pydicom

from tests.needed import is_missing

IODS = {
    "digital-mammography-x-ray-image",
    "parametric-map",
    "segmentation",
    "secondary-capture-image",
    "comprehensive-sr",
}
# dicom-standard writes the macros of a content item out without the value types that each is for
# (PS3.3 C.17.3.2), and does not repeat the module in the items of its own content.
CONTENT = "sr-document-content"
FOR_VALUE_TYPES = {
    "(0040,A300)": "NUM",
    "(0040,A168)": "CODE",
    "(0008,1199)": "COMPOSITE, IMAGE or WAVEFORM",
    "(0070,0022)": "SCOORD or SCOORD3D",
    "(0070,0023)": "SCOORD or SCOORD3D",
    "(3006,0024)": "SCOORD3D",
    "(0040,A130)": "TCOORD",
    "(0040,A132)": "TCOORD",
    "(0040,A138)": "TCOORD",
    "(0040,A13A)": "TCOORD",
    "(0040,A050)": "CONTAINER",
}


def errors(file: Path | str) -> list[str]:
    """Module, tag and kind of each error of a file; skips where the packages are missing."""
    try:
        from dicom_validator.validator.error_handler import NullValidationResultHandler
        from dicom_validator.validator.iod_validator import IODValidator

        standard = _standard()
    except ImportError:
        is_missing("dicom-validator or dicom-standard is missing: make test installs them")
    read = pydicom.dcmread(file, defer_size=1024)
    judge = IODValidator(read, standard, error_handler=NullValidationResultHandler())
    result = judge.validate()
    found = [
        f"{module}: {tag} {error.code.name}"
        for module, of_module in result.module_errors.items()
        for tag, error in of_module.items()
    ]
    return found or ([] if result.status.name == "Passed" else [result.status.name])


@functools.cache
def _standard() -> Any:
    """The DicomInfo of dicom-validator: words, modules of an IOD, attributes of a module."""
    from dicom_validator.spec_reader.condition_parser import ConditionParser
    from dicom_validator.spec_reader.serializer import DefinitionEncoder
    from dicom_validator.validator.dicom_info import DicomInfo

    words = {
        row["tag"]: {
            "name": row["name"],
            "vr": row["valueRepresentation"],
            "vm": row["valueMultiplicity"],
        }
        for row in _table("attributes")
    }
    parser = ConditionParser(words)
    iods: dict[str, Any] = {}
    ids = {row["name"]: row["id"] for row in _table("ciods")}
    for sop in _table("sops"):
        if ids.get(sop["ciod"]) in IODS:
            iods[sop["id"]] = {
                "title": sop["ciod"],
                "modules": _parts(ids[sop["ciod"]], "module", "ciod_to_modules", parser),
                "group_macros": _parts(ids[sop["ciod"]], "macro", "ciod_to_fg_macros", parser),
            }
    used = {
        part["ref"]
        for iod in iods.values()
        for part in (*iod["modules"].values(), *iod["group_macros"].values())
    }
    modules: dict[str, Any] = {ref: {} for ref in used}
    for kind in ("module", "macro"):
        rows = [r for r in _table(f"{kind}_to_attributes") if f"{kind} {r[f'{kind}Id']}" in used]
        for row in sorted(rows, key=lambda row: row["path"].count(":")):
            _add(modules[f"{kind} {row[f'{kind}Id']}"], row, words, parser)
    of_content = modules[f"module {CONTENT}"]["(0040,A730)"]["items"]
    of_content["include"] = [{"ref": f"module {CONTENT}"}]
    groups = modules["module multi-frame-functional-groups"]
    for tag in ("(5200,9229)", "(5200,9230)"):
        groups[tag]["items"] = {"include": [{"ref": "FuncGroup"}]}
    # Conditions are made plain as in its own files.
    return DicomInfo(
        *(json.loads(json.dumps(x, cls=DefinitionEncoder)) for x in (words, iods, modules))
    )


def _parts(iod: str, kind: str, table: str, parser: Any) -> dict[str, Any]:
    """The modules, or macros of functional groups, of an IOD, with the condition of each."""
    parts = {}
    for row in _table(table):
        if row["ciodId"] == iod:
            when = row["conditionalStatement"]
            use = f"{row['usage']} - {when}" if when else row["usage"]
            part = {"ref": f"{kind} {row[f'{kind}Id']}", "use": use}
            parts[row[f"{kind}Id"]] = part | ({"cond": parser.parse(use)} if when else {})
    return parts


def _add(module: dict[str, Any], row: dict[str, Any], words: dict[str, Any], parser: Any) -> None:
    """Put an attribute into its module, or into the items of the sequences above it."""
    owner, *path = row["path"].split(":")
    *above, tag = [f"({word[:4]},{word[4:]})".upper().replace("X", "x") for word in path]
    for sequence in above:
        module = module[sequence].setdefault("items", {})
    said = html.unescape(re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", row["description"])))
    kind = row["type"]
    if owner == CONTENT and tag in FOR_VALUE_TYPES and above in ([], ["(0040,A730)"]):
        kind, said = "1C", f"Required if Value Type (0040,A040) is {FOR_VALUE_TYPES[tag]}."
    module[tag] = {"name": words.get(tag, {}).get("name", ""), "type": kind}
    if kind in ("1C", "2C", "3"):
        module[tag]["cond"] = parser.parse(said)


def _table(name: str) -> list[dict[str, Any]]:
    (file,) = (f for f in importlib.metadata.files("dicom-standard") if f.name == f"{name}.json")
    return json.loads(file.read_text(encoding="utf-8"))
