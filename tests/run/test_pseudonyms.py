"""Pseudonyms: keyed, the same again, and only to be undone beside the key."""

import pytest

from pipeline.config import DataSettings, Settings
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.pseudonyms import (
    KEY,
    PRIVATE,
    TABLE,
    Pseudonyms,
    known_original,
    original,
)
from pipeline.run.settings import Remembered, joined, load_settings, remember


@pytest.fixture
def private(tmp_path, monkeypatch):
    monkeypatch.setenv(PRIVATE, str(tmp_path / "private"))
    return tmp_path / "private"


def made(kind, name) -> str:
    pseudonyms = Pseudonyms()
    pseudonym = pseudonyms.of(kind, name)
    pseudonyms.keep()
    return pseudonym


def test_the_same_name_has_the_same_pseudonym_with_the_same_key_alone(private, monkeypatch):
    first = made("patient", "Miller")
    assert made("patient", "Miller") == first != made("patient", "Mill")
    assert made("image", "Miller")[1:] != first[1:]
    monkeypatch.setenv(PRIVATE, str(private.parent / "another"))
    assert made("patient", "Miller") != first


def test_names_of_any_signs_lead_back_and_a_file_keeps_a_suffix_that_tells_nothing(private):
    names = ['a,"b"\nc\'.dcm', "Größe/ü.DCM", b"\xff\xfe.png".decode("utf-8", "surrogateescape")]
    pseudonyms = [made("file", name) for name in names]
    assert [original(pseudonym) for pseudonym in pseudonyms] == names
    assert [pseudonym[13:] for pseudonym in pseudonyms] == [".dcm", ".dcm", ".png"]
    assert made("file", "x.miller")[13:] == ""


def test_key_and_table_are_for_their_owner_only(private):
    made("patient", "Miller")
    assert {oct(path.stat().st_mode & 0o777) for path in private.glob("pseudonym*")} == {"0o600"}
    assert oct(private.stat().st_mode & 0o777) == "0o700"
    assert "Miller" in (private / TABLE).read_text()


def test_a_lost_or_damaged_key_is_not_replaced_while_there_are_pseudonyms_by_it(private):
    made("patient", "Miller")
    text = (private / KEY).read_text()
    (private / KEY).unlink()
    with pytest.raises(UserError, match=r"is missing.*Copy it back"):
        Pseudonyms()
    (private / KEY).write_text(text[:10])
    with pytest.raises(UserError, match="is damaged"):
        Pseudonyms()


def test_a_key_that_cannot_be_read_is_named_with_what_to_do(private):
    (private / KEY).mkdir(parents=True)
    with pytest.raises(UserError, match=f"cannot be read.*{PRIVATE}="):
        Pseudonyms()


def test_a_run_remembers_its_data_by_pseudonyms_and_finds_them_again(private, tmp_path):
    run, root = RunFolder(tmp_path / "run"), tmp_path / "Ward 7"
    given = {"data.root": str(root), "data.importer": "dicom"}
    settings = Settings(data=DataSettings(importer="dicom", root=root, split=root / "s.csv"))
    remember(run, settings, Remembered("configs/dicom.yaml", given))
    files = sorted((run.root / "settings").iterdir())
    assert not [file for file in files if "Ward" in file.read_text()]
    assert load_settings(run) == settings
    again, now = joined(run)
    assert again.data.root == root
    assert remember(run, settings, now) == []
    # Whoever has no table goes on with what needs no data, and is told where it does.
    (private / TABLE).unlink()
    lost = load_settings(run).data.root
    with pytest.raises(UserError, match=f"Copy that folder.*{PRIVATE}="):
        known_original(str(lost))


def test_names_of_data_that_tell_nothing_are_remembered_as_they_are(private, tmp_path):
    run = RunFolder(tmp_path / "run")
    given = {"data.root": "Ward 7"}
    for pseudonyms in (True, False):
        data = DataSettings(importer="dicom", root="Ward 7", pseudonyms=pseudonyms)
        remember(
            run, Settings(data=data), Remembered("", joined(run, overrides=given)[1].overrides)
        )
        said = run.remembered.read_text() + run.stage_settings("ingest").read_text()
        assert ("Ward 7" not in said) is pseudonyms
