import time

import pytest
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from pipeline.dicom.side_and_view import laterality, view


def header(**values) -> Dataset:
    dataset = Dataset()
    with disable_value_validation():
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
    return dataset


def code(value: str = "", *modifiers: Dataset, meaning: str = "") -> Dataset:
    item = header(CodeValue=value, CodeMeaning=meaning)
    if modifiers:
        item.ViewModifierCodeSequence = list(modifiers)
    return item


def frame_side(side: str) -> list[Dataset]:
    return [header(FrameAnatomySequence=[header(FrameLaterality=side)])]


ALL = {
    "ImageLaterality": "R",
    "Laterality": "L",
    "SharedFunctionalGroupsSequence": frame_side("L"),
    "PatientOrientation": ["A", "R"],
}


@pytest.mark.parametrize(
    ("left_out", "side", "source"),
    [
        (0, "R", "Image Laterality"),
        (1, "L", "Laterality"),
        (2, "L", "Frame Laterality"),
        (3, "L", "Patient Orientation"),
        (4, "", ""),
    ],
)
def test_the_side_comes_from_the_first_attribute_that_names_one(left_out, side, source):
    dataset = header(**dict(list(ALL.items())[left_out:]))
    assert laterality(dataset)[:2] == (side, source)


@pytest.mark.parametrize(
    ("region", "modifier", "side"),
    [
        (code("76752008"), code("7771000"), "L"),
        (code("T-04000"), code("G-A100"), "R"),
        (code("73056007"), None, "R"),
        (code("x", meaning="Left breast"), None, "L"),
        (code("80248007"), code("24028007"), ""),
        (code("76752008"), code("51440002"), ""),
    ],
)
def test_codes_of_the_anatomy_may_say_the_side(region, modifier, side):
    if modifier:
        region.AnatomicRegionModifierSequence = [modifier]
    dataset = header(AnatomicRegionSequence=[region])
    assert laterality(dataset) == (side, "Anatomic Region" if side else "", [])


def test_a_contradiction_is_reported_with_its_sources():
    side, _, notes = laterality(header(**ALL))
    assert side == "R"
    assert notes == [
        "contradictory sides: Image Laterality R, Laterality L, Frame Laterality L, "
        "Patient Orientation L"
    ]


@pytest.mark.parametrize("value", ["", "B", "U", "both"])
def test_what_is_no_side_is_passed_over(value):
    dataset = header(ImageLaterality=value, Laterality=" r ")
    assert laterality(dataset) == ("R", "Laterality", [])


@pytest.mark.parametrize(
    "value", ["?", "MITTE", "R-L", "\N{GREEK CAPITAL LETTER OMEGA}", ["L", "R"]]
)
def test_a_side_that_nobody_understands_is_named(value):
    dataset = header(ImageLaterality=value, Laterality="R")
    text = value if isinstance(value, str) else r"L\R"
    note = f"Image Laterality '{text}' is no side that is known: left out"
    assert laterality(dataset) == ("R", "Laterality", [note])


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("LEFT", "L"),
        ("right breast", "R"),
        ("RT.", "R"),
        ("Breast, L", "L"),
        (["L", "L"], "L"),
        ("Left breast - CC", "L"),
        ("RMLO", "R"),
    ],
)
def test_a_side_may_be_a_word(text, side):
    assert laterality(header(ImageLaterality=text)) == (side, "Image Laterality", [])


@pytest.mark.parametrize(
    ("text", "side"),
    [("R MLO", "R"), ("MLO_L", "L"), ("LCCID", "L"), ("right", "R"), ("LM", ""), ("M L O", "")],
)
def test_the_side_may_stand_in_the_view_position(text, side):
    found = laterality(header(ViewPosition=text))
    assert found == (side, "View Position" if side else "", [])


def test_the_side_of_the_view_position_may_contradict():
    _, _, notes = laterality(header(ImageLaterality="L", ViewPosition="RCC"))
    assert notes == ["contradictory sides: Image Laterality L, View Position R"]


@pytest.mark.parametrize(
    ("orientation", "side"),
    [
        (["A", "R"], "L"),
        (["P", "L"], "R"),
        (["A", "FR"], "L"),
        (["P", "FL"], "R"),
        (["L", "F"], ""),
        (["A", "LR"], ""),
        (["A"], ""),
        ("", ""),
    ],
)
def test_the_side_may_come_from_the_orientation_of_the_rows(orientation, side):
    assert laterality(header(PatientOrientation=orientation))[0] == side


@pytest.mark.parametrize(
    ("text", "name", "modifiers"),
    [
        ("CC", "CC", ()),
        (" mlo ", "MLO", ()),
        ("R MLO", "MLO", ()),
        ("LCC", "CC", ()),
        ("LMO", "LMO", ()),
        ("LM", "LM", ()),
        ("RML", "ML", ()),
        ("CCID", "CC", ("implant displaced",)),
        ("L-MLO-ID", "MLO", ("implant displaced",)),
        ("CRANIO-CAUDAL", "CC", ()),
        ("MEDIO-LATERAL OBLIQUE", "MLO", ()),
        ("XCCL", "XCCL", ()),
        ("MLO R", "MLO", ()),
        ("M.L.O.", "MLO", ()),
        ("CC_LEFT", "CC", ()),
        ("Right Medio Lateral Oblique View", "MLO", ()),
        ("oblique medio-lateral, L", "MLO", ()),
        ("CC LEFT ID", "CC", ("implant displaced",)),
        (["MLO", "MLO"], "MLO", ()),
        ("MLOR", "MLO", ()),
        ("CCL", "CC", ()),
        ("FFDM CC", "CC", ()),
        ("AP", "AP", ()),
        ("spot", "SPOT", ()),
        ("CC MAG", "CC MAG", ()),
        ("", "", ()),
    ],
)
def test_a_view_position_is_understood_in_the_forms_that_occur(text, name, modifiers):
    found, notes = view(header(ViewPosition=text))
    assert (found.name, found.modifiers, notes) == (name, modifiers, [])
    assert found.source == ("View Position" if name else "")


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (code("399162004"), "CC"),
        (code("R-10226"), "MLO"),
        (code("X-1", meaning="Medio-Lateral Oblique"), "MLO"),
        (code("X-1", meaning="Left mediolateral oblique view"), "MLO"),
        (code("X-1", meaning="Spot compression, left"), "SPOT"),
        (code("127457009"), "SPECIMEN"),
    ],
)
def test_a_view_code_is_known_by_its_value_or_its_words(item, name):
    found, _ = view(header(ViewCodeSequence=[item]))
    assert (found.name, found.source) == (name, "View Code Sequence")


@pytest.mark.parametrize(
    "text",
    [
        *("???", "12", "\N{GREEK CAPITAL LETTER OMEGA}-MLO", "CC MLO", "see other side", "LEFT"),
        *("ODD", "OBLIQUE", "NONE", "KRANIOKAUDAL"),
    ],
)
def test_a_view_position_that_names_no_view_is_named_and_left_out(text):
    found, notes = view(header(ViewPosition=text))
    assert (found.name, found.names) == ("", ())
    assert notes == [f"View Position '{text.upper()}' is no view that is known: left out"]


def test_several_view_positions_that_disagree_are_named():
    found, notes = view(header(ViewPosition=["MLO", "CC"]))
    assert (found.name, len(notes)) == ("", 1)
    assert r"'MLO\CC'" in notes[0]


def test_modifiers_come_from_all_sources():
    others = code("X", meaning="Odd"), code("X", meaning="Spot")
    item = code("399162004", code("399209000"), code("399163009"), *others)
    found, notes = view(header(ViewPosition="CCID", ViewCodeSequence=[item]))
    assert found.modifiers == ("implant displaced", "magnification", "spot")
    assert notes == ["View Modifier 'ODD' is no view that is known: left out"]


@pytest.mark.parametrize(
    ("position", "meaning", "odd"),
    [("odd", "", "View Position 'ODD'"), ("CC", "Odd view", "View Code Sequence 'ODD VIEW'")],
)
def test_an_odd_word_for_a_view_does_not_hide_what_is_said_elsewhere(position, meaning, odd):
    item = code("X" if meaning else "399162004", meaning=meaning)
    found, notes = view(header(ViewPosition=position, ViewCodeSequence=[item]))
    assert (found.names, notes) == (("CC",), [f"{odd} is no view that is known: left out"])


def test_a_view_may_stand_where_the_orientation_belongs():
    found, _ = view(header(PatientOrientation="MLO"))
    assert (found.name, found.source) == ("MLO", "Patient Orientation")


def test_contradictory_views_are_all_named():
    found, notes = view(header(ViewPosition="MLO", ViewCodeSequence=[code("399162004")]))
    assert found.names == ("MLO", "CC")
    assert (found.name, found.source) == ("MLO", "View Position")
    assert notes == ["contradictory views: MLO, CC"]


@pytest.mark.parametrize(
    ("text", "side", "name"),
    [
        ("R CC", "R", "CC"),
        ("MAMMO LEFT MLO 2D", "L", "MLO"),
        ("Mammographie MLO rechts", "R", "MLO"),
        ("LMLO", "L", "MLO"),
        ("Cranio-caudal gauche", "L", "CC"),
        ("\u4e73\u623f R MLO", "R", "MLO"),
        ("CC R/L", "", "CC"),  # of both
        ("Screening 4 views CC MLO", "", ""),
        ("R SPECIMEN", "R", "SPECIMEN"),
        ("L CC SPOT MAG, Mrs Miller", "L", "SPOT MAG"),
        ("Stereo +15", "", "STEREO"),
        ("ACR Phantom", "", "PHANTOM"),
        ("full mammogram images", "", ""),
    ],
)
@pytest.mark.parametrize(
    "keyword", ["SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription"]
)
def test_a_description_counts_where_nothing_else_says_side_and_view(keyword, text, side, name):
    dataset = header(**{keyword: text}, ImageLaterality="", ViewPosition="")
    assert laterality(dataset)[0] == side
    seen, notes = view(dataset)
    assert (seen.name, notes) == (name, [])
    source = {"SeriesDescription": "Series Description", "ProtocolName": "Protocol Name"}
    source = source.get(keyword, "Acquisition Device Processing Description")
    assert laterality(dataset)[1] == (source if side else "")
    assert seen.source == (source if name else "")


def test_a_description_is_only_a_doubt_where_the_attributes_say_side_and_view():
    values = {"ImageLaterality": "R", "ViewPosition": "CC"}
    dataset = header(**values, SeriesDescription="L MLO Spot, Mrs Miller")
    side, _, notes = laterality(dataset)
    assert (side, notes) == ("R", ["contradictory sides: Image Laterality R, Series Description L"])
    seen, notes = view(dataset)
    assert (seen.names, notes) == (
        ("CC",),
        ["Series Description says SPOT: perhaps no screening view"],
    )
    assert view(header(**values, SeriesDescription="BILATERAL SCREENING"))[1] == []


def test_a_long_description_takes_no_long_time():
    dataset = header(ViewPosition="CC", SeriesDescription="A B " * 300_000)
    began = time.process_time()
    assert view(dataset)[0].name == "CC"
    assert time.process_time() - began < 2
