"""How several data sets are named in a config and on the command line."""

from pathlib import Path

import pytest

from pipeline.config import DataSettings
from pipeline.model.configure import configure
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import build_settings, load_settings, parse_set

CONFIG = Path(__file__).parents[2] / "configs" / "combined.yaml"


def test_sets_are_read_from_the_command_line():
    words = parse_set("data.importer=combined data.sets=mias:path/to/mini-mias,own=dicom:/x/y=z")
    first, second = build_settings(CONFIG, words).data.sets
    assert (first.prefix, first.importer, first.root) == ("mias", "mias", Path("path/to/mini-mias"))
    assert (second.prefix, second.importer, second.root) == ("own", "dicom", Path("/x/y=z"))
    (single,) = build_settings(CONFIG, parse_set("data.sets=mias:x")).data.sets
    assert single.importer == "mias"


def test_a_set_may_have_grey_values_of_its_own():
    data = {"importer": "combined", "sets": [{"importer": "mias", "root": "x", "window": "never"}]}
    (own,) = DataSettings(**data).sets
    assert own.grey_values == {"window": "never"}
    with pytest.raises(ValueError, match="polarity"):
        DataSettings(importer="combined", sets=[data["sets"][0] | {"polarity": "up"}])


def test_a_run_remembers_its_sets(tmp_path):
    run = RunFolder(tmp_path / "run")
    configure(run, config=str(CONFIG), overrides={"data.sets": "own=dicom:x,mias:y"})
    assert [each.prefix for each in load_settings(run).data.sets] == ["own", "mias"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("data.sets=", "needs data.sets, such as data.sets=mias:path/to/mini-mias"),
        ("data.importer=mias", "data.sets needs data.importer=combined"),
        ("data.sets=mias:x,mias:y", "has mias more than once; name them, such as first=mias:"),
        ("data.sets=mias:x,y", "data.sets.1: .*must be importer:folder .*comma.*CONFIG.*not 'y'"),
        ("data.sets=mias:", "data.sets: .*must be a list; on the command line importer:folder"),
        ("data.sets=mas:x", "data.sets.0.importer: Input should be 'phantom'.*not 'mas'"),
        ("data.sets=combined:x", "data.sets.0.importer: .*not 'combined'"),
        ("data.sets=My-set=mias:x", "data.sets.0.name: .*not 'My-set'"),
        ("data.sets=ddsm:x,cbis_ddsm:y", "hold the same women under other names"),
        ("data.findings=x.csv", "data.findings is not for data.importer=combined"),
    ],
)
def test_wrong_sets_are_refused_with_what_to_do(words, message):
    with pytest.raises(UserError, match=message):
        build_settings(CONFIG, parse_set(words))


def test_input_is_refused_because_it_names_one_folder(tmp_path):
    with pytest.raises(UserError, match=r"data\.root \(INPUT\) is not for .*CONFIG of a single"):
        configure(
            RunFolder(tmp_path / "run"),
            config=str(CONFIG),
            overrides={"data.root": "path/to/dicom"},
        )
