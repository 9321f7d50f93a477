from collections import Counter

import pytest

from pipeline.config import DataSettings
from pipeline.ingest.cbis_ddsm.names import parse_name
from pipeline.ingest.cbis_ddsm.tables import TABLES, find_tables, official_split, read_tables
from pipeline.ingest.source_files import list_files
from pipeline.run.errors import UserError
from tests.ingest.cbis_download import table_row, write_tables

NAME = "Mass-Training_P_00001_LEFT_CC_1"


def tables_of(root, **data):
    return find_tables(
        DataSettings(importer="cbis_ddsm", root=root, **data), list_files(root).files
    )


def lesions_of(root):
    return read_tables(tables_of(root))


@pytest.fixture(scope="module")
def real(mammo_data):
    return lesions_of(mammo_data / "cbis-ddsm")


def images(lesions):
    """The pathologies of each mammogram."""
    found = {}
    for lesion in lesions:
        found.setdefault(lesion.name.image_id, []).append(lesion.pathology)
    return found


def twice(lesions):
    """How many mammograms lie in two folders."""
    folders = {lesion.name.mammogram for lesion in lesions}
    return sum(count == 2 for count in Counter(name.image_id for name in folders).values())


def test_the_real_tables_have_3568_rows_of_1566_people(real):
    assert len(real) == 3568
    assert len({lesion.name.patient_id for lesion in real}) == 1566
    assert Counter(lesion.kind for lesion in real) == {"calcification": 1872, "mass": 1696}
    assert Counter(lesion.pathology for lesion in real) == {
        "malignant": 1457,
        "benign": 1429,
        "benign_without_callback": 682,
    }


def test_the_patient_is_a_part_of_6671_patient_ids(real):
    ids = {str(name) for lesion in real for name in (lesion.name, lesion.name.mammogram)}
    assert len(ids) == 6671
    assert {parse_name(text).patient_id for text in ids} == {x.name.patient_id for x in real}


def test_a_real_path_with_a_line_break_inside_is_read_whole(real):
    series = [uid for lesion in real for uid in lesion.series]
    assert all(uid.startswith("1.3.6.1.4.1.9590.") and uid == uid.strip() for uid in series)
    assert len(set(series)) == 6775


def test_both_spellings_of_the_density_are_read_and_0_is_unknown(real):
    assert Counter(lesion.density for lesion in real) == {
        "2": 1373,
        "3": 1103,
        "4": 554,
        "1": 536,
        "": 2,
    }


def test_real_assessments_go_from_0_to_5(real):
    assert {lesion.assessment for lesion in real} == {0, 1, 2, 3, 4, 5}


def test_31_patients_of_two_parts_are_test_patients(real):
    split = official_split(real)
    assert len(split.shared_patients) == 31
    assert {split.part(patient) for patient in split.shared_patients} == {"test"}
    rows = Counter(split.part(lesion.name.patient_id) for lesion in split.kept)
    assert rows == {"train": 2781, "test": 704}
    patients = {lesion.name.patient_id for lesion in split.kept}
    assert Counter(map(split.part, patients)) == {"train": 1217, "test": 349}


def test_of_the_83_rows_that_leave_the_training_38_lie_on_test_mammograms(real):
    split = official_split(real)
    assert (len(split.borrowed), len(split.left_out)) == (38, 45)
    on_test = {lesion.name.image_id for lesion in real if lesion.name.is_test}
    assert {lesion.name.image_id for lesion in split.borrowed} <= on_test
    assert not {lesion.name.image_id for lesion in split.left_out} & on_test


def test_71_mammograms_exist_twice_and_42_of_them_within_one_part(real):
    assert twice(real) == 71
    assert twice(official_split(real).kept) == 42


def test_334_mammograms_have_up_to_7_lesions_and_33_of_them_benign_and_malignant_ones(real):
    several = [found for found in images(real).values() if len(found) > 1]
    assert (len(several), max(map(len, several))) == (334, 7)
    assert sum(0 < found.count("malignant") < len(found) for found in several) == 33


def test_ids_of_findings_are_unique_over_all_lists(real):
    assert len({lesion.finding_id for lesion in real}) == len(real)


def test_a_row_becomes_a_lesion_with_clean_values(tmp_path):
    name = "Calc-Test_P_00038_RIGHT_MLO_2"
    row = table_row(name, density="0", assessment="0", pathology=" MALIGNANT\n")
    write_tables(tmp_path, row)
    (lesion,) = lesions_of(tmp_path)
    assert lesion.name == parse_name("Calc-Test_P_00038_RIGHT_MLO_2")
    assert lesion.finding_id == "P_00038_RIGHT_MLO-calc-2"
    assert (lesion.kind, lesion.pathology, lesion.assessment) == ("calcification", "malignant", 0)
    assert lesion.density == ""
    assert lesion.series[1] == "1.4.Calc-Test_P_00038_RIGHT_MLO_2"


def test_a_test_list_wins_over_a_training_list(tmp_path):
    write_tables(
        tmp_path,
        table_row("Calc-Test_P_00001_LEFT_CC_1"),
        table_row("Mass-Training_P_00001_LEFT_CC_1"),
        table_row("Mass-Training_P_00001_RIGHT_CC_1"),
        table_row("Mass-Training_P_00002_LEFT_CC_1"),
    )
    split = official_split(lesions_of(tmp_path))
    assert (split.part("P_00001"), split.part("P_00002")) == ("test", "train")
    assert split.shared_patients == {"P_00001"}
    found = {
        what: [str(lesion.name) for lesion in getattr(split, what)]
        for what in ("kept", "borrowed", "left_out")
    }
    assert found == {
        "kept": ["Calc-Test_P_00001_LEFT_CC_1", "Mass-Training_P_00002_LEFT_CC_1"],
        "borrowed": ["Mass-Training_P_00001_LEFT_CC_1"],
        "left_out": ["Mass-Training_P_00001_RIGHT_CC_1"],
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pathology": "UNSURE"}, "line 3: pathology must be one of .*not 'UNSURE'"),
        ({"assessment": "6"}, "assessment must be one of .*not '6'"),
        ({"density": "9"}, "breast density must be one of"),
        ({"type": "cyst"}, "abnormality type must be one of"),
        ({"side": "L"}, "must be as in Mass-Training_P_00038_LEFT_CC_1"),
        ({"number": "0"}, "must be as in Mass-Training_P_00038_LEFT_CC_1"),
        ({"view": "ML"}, "must be as in Mass-Training_P_00038_LEFT_CC_1"),
        (
            {"mask": "1-1.dcm"},
            r"roi mask file path must be as \S+LEFT_CC_1/STUDY/SERIES/FILE, not 1-1\.dcm",
        ),
        ({"cropped": "CBIS-DDSM/jpeg/1.jpg"}, r"cropped image file path .*that of another copy"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(tmp_path, values, message):
    write_tables(tmp_path, table_row(NAME, **values))
    with pytest.raises(UserError, match=message):
        lesions_of(tmp_path)


def test_a_table_under_the_name_of_another_one_is_refused(tmp_path):
    write_tables(tmp_path, table_row(NAME), lists=("Mass-Training",))
    (tmp_path / TABLES["Mass-Training"]).rename(tmp_path / TABLES["Mass-Test"])
    with pytest.raises(UserError, match="Is the table another one than its file name says"):
        lesions_of(tmp_path)


def test_the_same_abnormality_twice_is_refused(tmp_path):
    write_tables(tmp_path, table_row(NAME), table_row(NAME.replace("Training", "Test")))
    with pytest.raises(UserError, match=r"P_00001_LEFT_CC-mass-1 is there already.*mass_case"):
        lesions_of(tmp_path)


def test_a_table_without_a_column_is_refused(tmp_path):
    path = tmp_path / TABLES["Calc-Test"]
    path.write_text("patient_id,pathology\nP_00038,BENIGN\n")
    with pytest.raises(UserError, match=r"lacks the columns abnormality id, .*breast density"):
        lesions_of(tmp_path)


def test_a_row_that_was_cut_off_is_refused(tmp_path):
    write_tables(tmp_path, table_row(NAME)[:9], lists=("Mass-Training",))
    with pytest.raises(UserError, match="line 2: fewer values than columns"):
        lesions_of(tmp_path)


def test_the_tables_are_found_wherever_they_lie_and_under_the_names_that_browsers_give(tmp_path):
    write_tables(tmp_path / "a" / "b", table_row(NAME))
    old = tmp_path / "a" / "b" / TABLES["Mass-Training"]
    new = old.with_name("mass_case_description_train_set (1).csv")
    old.rename(new)
    assert tables_of(tmp_path)["Mass-Training"] == new
    assert len(tables_of(tmp_path)) == 4


def test_the_tables_may_lie_in_a_folder_of_their_own(tmp_path):
    write_tables(tmp_path / "tables", table_row(NAME))
    (tmp_path / "images").mkdir()
    found = tables_of(tmp_path / "images", findings=tmp_path / "tables")
    assert [lesion.finding_id for lesion in read_tables(found)] == ["P_00001_LEFT_CC-mass-1"]


def test_a_second_copy_of_a_table_does_no_harm_but_another_version_is_refused(tmp_path):
    write_tables(tmp_path, table_row(NAME))
    write_tables(tmp_path / "copy", table_row(NAME))
    assert len(lesions_of(tmp_path)) == 1
    write_tables(tmp_path / "copy", table_row(NAME, pathology="BENIGN"))
    with pytest.raises(UserError, match=r"copy/mass_case_description_train_set\.csv differ"):
        lesions_of(tmp_path)


def test_without_any_table_the_user_is_told_which_to_download(tmp_path):
    with pytest.raises(UserError, match=r"none of the four tables.*calc_case.*data\.findings"):
        tables_of(tmp_path)


def test_a_folder_of_tables_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"data\.findings=nowhere is no folder"):
        tables_of(tmp_path, findings="nowhere")


@pytest.mark.parametrize("text", ["P_00038", "Calc-Test_P_00038_LEFT", "Mass-Test_P_1_LEFT_CC", ""])
def test_what_is_no_name_of_the_data_set_is_none(text):
    assert parse_name(text) is None


def test_a_name_is_read_and_written_alike():
    for text in ("Calc-Test_P_00038_LEFT_CC", "Mass-Training_P_01234_RIGHT_MLO_7"):
        assert str(parse_name(text)) == text
