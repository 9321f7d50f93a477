"""What of the words in a header may be written down: those of a known vocabulary.

A header is free text in places where nobody expects it, and people write names into it. Whatever is
kept of a file, in the store and so in every table, goes through here first; `make inspect` shows
the words themselves.
"""

import re
from collections.abc import Iterable

from pydicom.uid import UID, UID_dictionary

OTHER = "other"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Makers and models of mammography, in words.
SCANNERS = _words(
    """
    GE GEHC MEDICAL SYSTEMS HEALTHCARE SENOGRAPHE ESSENTIAL PRISTINA CRYSTAL NOVA DS 2000D DMR
    HOLOGIC LORAD SELENIA DIMENSIONS 3DIMENSIONS INC
    SIEMENS HEALTHINEERS MAMMOMAT INSPIRATION NOVATION NOVATIONDR REVELATION FUSION BALANCE
    FUJI FUJIFILM PHOTO FILM CO LTD CORPORATION AMULET INNOVALITY ELITE HARMONY SOPHINITY
    PHILIPS MAMMODIAGNOST DR MICRODOSE SECTRA L30 L50 SI MDM
    PLANMED OY NUANCE EXCEL CLARITY SOPHIE CLASSIC
    IMS SRL S.R.L S.P.A GIOTTO IMAGE TOMO CLASS 3D 3DL INTERNAZIONALE MEDICO SCIENTIFICA
    AGFA GEVAERT DX M CR DIGITIZER KODAK CARESTREAM HEALTH DIRECTVIEW KONICA MINOLTA REGIUS XPRESS
    METALTRONICA HELIANTHUS LUCIA GENORAY DMX600 600 VILLA SISTEMI MELODY ALLENGERS VENUS
    ANALOGIC ANRAD R2 TECHNOLOGY ICAD LUMISYS HOWTEK DBA SWISSRAY XEROX TOSHIBA CANON SHIMADZU
    STEPHANIX ITALRAY SYNTHETIC PHANTOM
    """
)
# What makers call their windows.
EXPLANATIONS = _words(
    """
    NORMAL HARDER SOFTER STANDARD DEFAULT AUTO USER LINEAR SIGMOID WINDOW WINDOW1 WINDOW2 WINDOW3
    ALGO1 ALGO2 HIGH LOW MEDIUM CONTRAST SOFT HARD BREAST TISSUE SKIN IMPLANT GENERATED LUT VOI
    ORIGINAL FULL RANGE MIN MAX
    """
)
# PS3.3 C.7.3.1.1.1.
MODALITIES = _words(
    """
    MG CR DX OT SC CT MR US NM PT XA RF RG IO PX BI BMD DG ES ECG EPS GM HC HD IVUS IVOCT LS OP OPT
    OAM OCT OPM OPV REG SM SEG SR PR KO KER LEN OSS PLAN POS SMR SRF STAIN TG VA XC AR AU ASMT DOC
    FID M3D RESP RTDOSE RTIMAGE RTPLAN RTRECORD RTSTRUCT RWV BDUS EEG EMG EOG
    """
)
# PS3.3 C.7.6.3.1.2.
COLOURS = frozenset(
    (
        *("RGB", "PALETTE COLOR", "HSV", "ARGB", "CMYK", "XYB", "YBR_FULL", "YBR_FULL_422"),
        *("YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT", "YBR_RCT_ICT"),
    )
)
_QUOTED = re.compile(r"(?<!\w)b?['\"](?:.*['\"](?!\w)|.*$)")
_HARMLESS = re.compile(r"['\"][-+\d.,eE\\ ]{1,40}['\"]")
_UID = re.compile(r"\b[0-2](?:\.\d+){4,}")


def known(text: str, vocabulary: Iterable[str]) -> str:
    """The text where it is in the vocabulary, else `other`; "" stays."""
    return text if not text or text in vocabulary else OTHER


def known_words(text: str, vocabulary: frozenset[str]) -> str:
    """The words of the vocabulary that a text holds, as they are written; `other` without any.

    >>> known_words("GE Senographe of Ms Miller", SCANNERS)
    'GE Senographe'
    """
    words = [word for word in text.split() if word.strip(".,()").upper() in vocabulary]
    return " ".join(words) or (OTHER if text else "")


def syntax_name(uid: UID) -> str:
    """The name of a transfer syntax, of one that is not registered only that it is another."""
    return uid.name if uid in UID_dictionary else OTHER if uid else ""


def without_values(text: str) -> str:
    """A note or reason without what the file holds in place of a number or a registered UID.

    Values stand between quotation marks, in messages of the project and of its libraries.

    >>> without_values("View Position 'MILLER' is no view")
    "View Position '…' is no view"
    """
    hidden = _QUOTED.sub(lambda m: m[0] if _HARMLESS.fullmatch(m[0]) else "'…'", text)
    return _UID.sub(lambda m: m[0] if m[0] in UID_dictionary else "…", hidden)
