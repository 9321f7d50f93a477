"""The pages on data sets agree with the code: their commands, names and the example importer."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.ingest.examples import MODULES as EXAMPLES
from pipeline.ingest.importers import MODULES
from pipeline.run.settings import setting_names

ROOT = Path(__file__).parents[1]
DATA_SETS = (ROOT / "docs" / "data-sets.md").read_text(encoding="utf-8")
ADDING = (ROOT / "docs" / "adding-a-data-set.md").read_text(encoding="utf-8")
PAGES = (DATA_SETS, ADDING, (ROOT / "docs" / "findings-csv.md").read_text(encoding="utf-8"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", ADDING, re.DOTALL | re.MULTILINE)


IMPORTER, TESTS = blocks("python")


def load(path: Path, name: str):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def example_tests(tmp_path, monkeypatch):
    """The module of the page's tests, which imports the page's importer."""
    for name, code in (("pipeline.ingest.cmmd", IMPORTER), ("example_tests", TESTS)):
        monkeypatch.delitem(sys.modules, name, raising=False)  # undone, so the page leaves none
        path = tmp_path / f"{name}.py"
        path.write_text(code, encoding="utf-8")
        module = load(path, name)
    yield module
    for name in ("pipeline.ingest.cmmd", "example_tests"):
        del sys.modules[name]


@pytest.mark.parametrize("name", re.findall(r"^def (test_\w+)", TESTS, re.MULTILINE))
def test_the_example_importer_passes_its_test(example_tests, tmp_path, name):
    root = tmp_path / "data"
    root.mkdir()
    getattr(example_tests, name)(root)


def test_the_registration_of_the_example_fits_the_code():
    files = ("pipeline/ingest/importers.py", "pipeline/config/ingest.py")
    for file, change in zip(files, blocks("diff"), strict=True):
        code = (ROOT / file).read_text(encoding="utf-8")
        kept = "".join(f"{line[1:]}\n" for line in change.splitlines() if line[0] == " ")
        assert kept in code, file


def test_the_config_of_the_example_names_settings_that_exist():
    (config,) = blocks("yaml")
    tree = yaml.safe_load(config)
    assert {f"{s}.{name}" for s, values in tree.items() for name in values} <= set(setting_names())


@pytest.mark.parametrize("importer", sorted(MODULES))
def test_every_importer_has_a_section(importer):
    assert re.search(rf"^## .*`{importer}`", DATA_SETS, re.MULTILINE), importer


@pytest.mark.parametrize("config", sorted(path.name for path in (ROOT / "configs").glob("*.yaml")))
def test_every_config_is_named(config):
    assert f"configs/{config}" in DATA_SETS


def test_every_example_tree_is_named():
    named = set(re.findall(r"make example DATASET=(\w+)", DATA_SETS))
    assert named == set(EXAMPLES)


def test_every_make_target_of_the_pages_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    known = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    named = {target for page in PAGES for target in targets(page)}
    assert {"ingest", "preprocess", "heatmap"} <= named
    assert named <= known, named - known


def targets(page: str) -> list[str]:
    """What follows make at the start of a line or of `code`, without its settings."""
    commands = re.findall(r"(?:^|`)make ([^`\n#]*)", page, re.MULTILINE)
    return [
        word
        for command in commands
        for word in command.split()
        if word.islower() and "=" not in word
    ]


def test_every_setting_of_the_commands_exists():
    said = re.findall(r'SET="([^"]+)"', "\n".join(PAGES))
    names = {word.split("=")[0] for words in said for word in words.split()}
    assert names
    assert names <= set(setting_names()), names - set(setting_names())


def test_every_file_that_the_pages_name_exists():
    paths = {p for page in PAGES for p in re.findall(r"\]\(((?!http)[^)#]+)\)", page)}
    assert paths
    missing = [path for path in paths if not (ROOT / "docs" / path).exists()]
    assert missing == []
    code = set(
        re.findall(r"`((?:pipeline|tests|configs)/[\w/.-]+\.(?:py|yaml))`", "\n".join(PAGES))
    )
    assert [
        path for path in sorted(code) if "cmmd" not in path and not (ROOT / path).exists()
    ] == []
