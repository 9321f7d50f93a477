"""Ids and names that differ only in what spreadsheets and people change: 17 and 00017, W1 and w1.

Nothing is mended here: whoever finds an id without its like tells the user which one was
probably meant, and why.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

_FILE_SUFFIX = re.compile(
    r"\.(dcm|dicom|dic|ima|img|png|tiff?|jpe?g|bmp|pgm|ics|ljpeg|csv|xlsx?)$", re.IGNORECASE
)
_EXACT_DIGITS = 15  # of a number in a spreadsheet
_LONGEST_ID = 256


def _without_blanks(text: str) -> str:
    """Without blanks and signs that nobody sees; full-width letters as plain ones."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(c for c in plain if not c.isspace() and unicodedata.category(c)[0] != "C")


def _without_separators(text: str) -> str:
    """One - for any signs between words, none between letters and digits."""
    joined = re.sub(r"[\W_]+", "-", text).strip("-")
    return re.sub(r"(?<=[^\W\d])-(?=\d)|(?<=\d)-(?=[^\W\d])", "", joined)


# What may differ, in words for the user, and how it is taken away; in this order.
_DIFFERENCES = {
    "blanks or signs that nobody sees": _without_blanks,
    "quotation marks": lambda text: text.strip("'\"`´‘’“”"),
    "capitals": str.casefold,
    "the suffix of a file": lambda text: _FILE_SUFFIX.sub("", text),
    "decimals": lambda text: re.sub(r"^(\d+)[.,]0+$", r"\1", text),
    "zeros in front": lambda text: re.sub(r"(?<![\d.,])0+(?=\d)", "", text),
    "signs such as - and _": _without_separators,
}


def reduced(text: str, except_for: str = "") -> str:
    """What is left of an id without all that may differ, or without all but one of these.

    >>> reduced(" HOSP_000101"), reduced("hosp-101.dcm")
    ('hosp101', 'hosp101')
    """
    for name, take_away in _DIFFERENCES.items():
        text = text if name == except_for else take_away(text)
    return text


class KnownIds:
    """Ids that exist, to find the one that an unknown id was meant to be."""

    def __init__(self, ids: Iterable[str]):
        self._ids = sorted(set(ids))
        self._by_form: dict[str, list[str]] = defaultdict(list)
        self._by_end: dict[str, list[str]] = defaultdict(list)  # what stands behind the last /
        self._by_number: dict[str, list[str]] = defaultdict(list)  # digits behind letters
        self._by_start: dict[str, list[str]] = defaultdict(list)  # what stands before a -
        for known in self._ids:
            self._by_form[reduced(known)].append(known)
            front, _, end = known.rpartition("/")
            if front:
                self._by_end[reduced(end)].append(known)
            for start in _starts(known):
                self._by_start[start].append(known)
            if number := _number_at_end(known):
                self._by_number[number].append(known)

    def meant(self, given: str) -> tuple[str, str]:
        """The known id that was probably meant, and how they differ; ("", "") where none is alike.

        >>> KnownIds(["00017", "W1"]).meant("17")
        ('00017', 'zeros in front')
        """
        form = reduced(given)
        if form and (found := self._by_form.get(form)):
            return found[0], _difference(given, found[0])
        end = reduced(given.rpartition("/")[2])
        if end and (found := self._by_end.get(end) or self._by_form.get(end)):
            return found[0], "what stands before the last /"
        if _may_be_rounded(given):
            for known in self._ids:
                if _is_rounded(given, known):
                    return known, "digits that a spreadsheet has rounded"
        for start in _starts(given):
            if found := self._by_form.get(start):
                return found[0], "a suffix"
        with_suffix = self._by_start.get(form, []) if form else []
        if len(with_suffix) == 1:
            return with_suffix[0], "a suffix"
        number = _number_at_end(given)
        found = self._by_form.get(number, []) if number else self._by_number.get(form, [])
        return (found[0], "a prefix") if len(found) == 1 else ("", "")


def same_twice(ids: Iterable[str]) -> list[tuple[str, str, str]]:
    """Pairs of ids that may be one and the same, and how they differ."""
    first: dict[str, str] = {}
    pairs = []
    for each in sorted(set(ids)):
        form = reduced(each)
        if form and (other := first.setdefault(form, each)) != each:
            pairs.append((other, each, _difference(other, each)))
    return pairs


def _difference(one: str, other: str) -> str:
    """In which of _DIFFERENCES two ids with the same reduced form differ, in words."""
    for name, take_away in _DIFFERENCES.items():
        if take_away(one) == take_away(other):
            return name
    # Each that has to be taken away to make them equal.
    needed = [name for name in _DIFFERENCES if reduced(one, name) != reduced(other, name)]
    return ", ".join(needed)


def _starts(text: str) -> list[str]:
    """The reduced forms of what stands before a separator, the longest first."""
    text = text[:_LONGEST_ID]  # a cell may hold anything
    ends = [match.start() for match in re.finditer(r"[\W_]+", text) if match.start()]
    return [form for end in reversed(ends) if (form := reduced(text[:end]))]


def _number_at_end(text: str) -> str:
    """The reduced form of the digits behind letters, such as 17 of P00017; "" where it has none."""
    match = re.fullmatch(r"[a-z]+(?:-[a-z]+)*-?(\d+)", reduced(text))
    return reduced(match[1]) if match else ""


def _may_be_rounded(given: str) -> bool:
    """Whether it is a number as spreadsheets show long ones: 1.23E+11, or with zeros at the end."""
    return bool(re.fullmatch(r"\d+([.,]\d+)?[eE]\+?\d{1,3}|\d{15}0+", given))


def _is_rounded(given: str, known: str) -> bool:
    """Whether a spreadsheet shows the number `known` as `given`."""
    if not known.isdecimal():
        return False
    mantissa, power, _ = given.lower().replace(",", ".").partition("e")
    places = len(mantissa.replace(".", "")) if power else _EXACT_DIGITS
    # Some cut off what they cannot hold, others round.
    cut = known[:places] + "0" * (len(known) - places)
    shown, *exact = (
        f"{Decimal(each):.{places - 1}E}" for each in (given.replace(",", "."), known, cut)
    )
    return shown in exact
