"""Words and codes for sides and views, as makers and people write them."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass


def by_code(names: dict[str, str]) -> dict[str, str]:
    """The name of each code, of names with their codes."""
    return {code: name for name, codes in names.items() for code in codes.split()}


# PS3.16 CID 4014, by SNOMED CT and by the older SNOMED RT code.
VIEWS = by_code(
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
MODIFIERS = by_code(
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


@dataclass(frozen=True)
class Named:
    """What one text names: a view or "", a side or "", and whether an implant is displaced."""

    name: str = ""
    side: str = ""
    displaced: bool = False


@dataclass(frozen=True)
class Described:
    """What free text names: one side, one view, and words of no screening view."""

    side: str = ""
    name: str = ""
    other: str = ""


@functools.lru_cache  # of many files the same few words are asked for again and again
def named_view(text: str) -> Named:
    """A View Position such as MLO, CC-ID, MLO RIGHT, CRANIO-CAUDAL, AP or CC SPOT."""
    if text in _SIDE_WORDS:
        return Named(side=_SIDE_WORDS[text])
    known = _known_view(text)
    return known if known.name else Named(other_view(text))


@functools.lru_cache
def described(text: str) -> Described:
    """Sides and views among other words, where they agree."""
    parts = re.findall(r"[^\W\d_]+", text)
    named = [_known_view(each) for each in (text, *parts)]
    sides = {*(each.side for each in named), *(_SIDE_WORDS.get(part, "") for part in parts)} - {""}
    names = {each.name for each in named} - {"", *_OTHER_IN_ANY_TEXT}
    return Described(
        sides.pop() if len(sides) == 1 else "",
        names.pop() if len(names) == 1 else "",
        " ".join(part for part in parts if part in _OTHER_IN_ANY_TEXT),
    )


@functools.lru_cache
def named_side(text: str) -> str:
    """L or R of words such as LEFT BREAST or RCC; the text itself where it names neither."""
    parts = {part for part in re.findall(r"[^\W\d_]+", text) if part not in _BESIDE}
    sides = {_SIDE_WORDS.get(part, "") for part in parts}
    return (len(sides) == 1 and sides.pop()) or _known_view(text).side or text


def other_view(text: str) -> str:
    """The known words of a text that names what is no screening view, else ""."""
    parts = re.findall(r"[^\W\d_]+", text)
    known = [part for part in parts if part in _OTHER_VIEWS | _NAMES | _BESIDE]
    return " ".join(known) if not _OTHER_VIEWS.isdisjoint(parts) else ""


def _known_view(text: str) -> Named:
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
                return Named(name, joined or letter, displaced or ends_in_id)
    return Named()


def _readings(together: str) -> Iterator[tuple[str, str, bool]]:
    """The view, the side beside it and whether ID follows, for each way to read these letters."""
    for text, ends_in_id in ((together, False), (together.removesuffix("ID"), True)):
        for name, letter in (("", ""), *_SIDE_WORDS.items()):
            for rest in (text.removeprefix(name), text.removesuffix(name)):
                view = rest if rest in _NAMES else _VIEW_WORDS.get(rest, "")
                yield view, letter, ends_in_id
