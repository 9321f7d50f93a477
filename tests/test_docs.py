"""What is generated for people agrees with what it is generated from."""

import json
import re
import tomllib
from pathlib import Path
from typing import Literal, get_args, get_origin

import pandas as pd
import yaml

from pipeline.checkup.speed import KEPT, speed_markdown
from pipeline.config import HeatmapSettings, Settings
from pipeline.config.describe import settings_markdown
from pipeline.evaluate.lesions import LESION_COLUMNS
from pipeline.heatmap.stage import heatmap
from pipeline.report.data_dictionary import columns_of, data_dictionary, tables_markdown
from pipeline.report.readme import headline_markdown, results_page, with_results
from pipeline.run.atomic import read_json
from pipeline.run.events import EventLog
from pipeline.run.settings import build_settings
from pipeline.run.stage import Stage
from pipeline.studies.mine import MINED_COLUMNS
from tests.fault_injection.fuzz import fuzz_markdown
from tests.fault_injection.outcomes import faults_markdown
from tests.heatmap.small_run import BrightnessNetwork, write_small_run
from tests.preprocess.four_women import done, stage, write_data

ROOT = Path(__file__).parents[1]
NUMBERS = ("integer", "real")  # text may be digits


def test_the_page_of_settings_is_current():
    assert (ROOT / "docs" / "settings.md").read_text() == settings_markdown(), "run make docs"


def test_the_page_of_settings_names_every_word_that_a_setting_takes():
    lines = dict(re.findall(r"^\| `([\w.]+)` \|(.*)$", settings_markdown(), re.MULTILINE))
    for section, of in Settings.model_fields.items():
        for name, setting in type(of.default).model_fields.items():
            is_one_of = get_origin(setting.annotation) is Literal
            words = get_args(setting.annotation) if is_one_of else ()
            line = lines[f"{section}.{name}"]
            missing = [word for word in words if not re.search(rf"\b{word}\b", line)]
            assert missing == [], f"{section}.{name}"
    assert "| `true` |" in "|" + lines["train.augment"], "as SET takes it"


def test_a_default_can_be_given_as_the_page_of_settings_writes_it():
    written = dict(re.findall(r"^\| `([\w.]+)` \| `([^`]*)` \|", settings_markdown(), re.MULTILINE))
    assert build_settings(ROOT / "configs" / "rsna.yaml", written) == Settings()


def test_the_results_are_the_kept_ones():
    readme = (ROOT / "README.md").read_text()
    kept = ROOT / "docs" / "results"
    assert with_results(readme, headline_markdown(kept)) == readme, "run make docs"
    assert (ROOT / "docs" / "results.md").read_text() == results_page(kept), "run make docs"


def test_the_page_of_faults_is_that_of_the_kept_outcomes():
    page = faults_markdown(ROOT / "docs" / "results")
    assert (ROOT / "docs" / "faults.md").read_text() == page, "run make docs"


def test_the_page_of_tables_is_current():
    assert (ROOT / "docs" / "tables.md").read_text() == tables_markdown(), "run make docs"


def test_the_page_of_damaged_files_is_current():
    result = read_json(ROOT / "docs" / "results" / "fuzz.json")
    assert (ROOT / "docs" / "fuzzing.md").read_text() == fuzz_markdown(result), "run make docs"
    assert result["crashes"] == []


def kind(column: pd.Series) -> str:
    """What the data dictionary calls the type of a column that holds something."""
    if pd.api.types.is_bool_dtype(column):
        return "yes/no"
    if pd.api.types.is_integer_dtype(column):
        return "integer"
    return "real" if pd.api.types.is_float_dtype(column) else "text"


def test_the_data_dictionary_has_the_tables_that_the_stages_write_with_columns_and_types(tmp_path):
    run = write_small_run(tmp_path)
    chosen = Settings(heatmap=HeatmapSettings(min_region_mm2=1.0))
    heatmap(Stage(run, chosen, EventLog(run, "heatmap")), mapper_of=BrightnessNetwork().of)
    write_data(tmp_path / "data")
    (tmp_path / "data" / "split.csv").write_text("patient_id,split\nw1,test\n")
    prepared = stage(tmp_path, run="prepared")
    done(prepared)
    known = data_dictionary()
    assert (known[["type", "meaning"]] != "").all(axis=None)
    found = set()
    for folder in (run.root, prepared.run.root):
        for path in (*folder.rglob("*.csv"), *folder.rglob("*.parquet")):
            name = path.relative_to(folder).as_posix()
            table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
            assert list(table.columns) == columns_of(name), name
            types = known[known["table"] == name].set_index("column")["type"]
            for column in table.columns[table.notna().any()]:
                wide = {"JSON": {"text"}, "real": {"real", "integer"}, "text": {"text", *NUMBERS}}
                allowed = wide.get(types[column], {types[column]})
                assert kind(table[column]) in allowed, (name, column)
            found.add(name)
    assert columns_of("mined.csv") == list(MINED_COLUMNS)
    assert columns_of("lesions.csv") == LESION_COLUMNS
    elsewhere = {"mined.csv", "lesions.csv", "model/history.csv"}
    named = {name for name in known["table"] if not name.startswith("paper/")}
    assert found == named - elsewhere


def test_every_config_is_valid():
    configs = sorted((ROOT / "configs").glob("*.yaml"))
    assert len(configs) >= 3
    for config in configs:
        build_settings(config, {})


def test_the_readme_names_targets_and_files_that_exist():
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", readme):
        assert re.search(rf"^{target}:|^\.PHONY:.*\b{target}\b", makefile, re.M), target
    for path in re.findall(r"\]\(((?!http)[^)#]+)\)", readme):
        assert (ROOT / path).exists(), path


def test_lock_files_name_no_index():
    for lock in ROOT.glob("requirements*.lock"):
        assert "://" not in lock.read_text()


def test_a_config_names_the_results_that_are_kept_of_it_and_does_not_repeat_them():
    kept = [json.loads(path.read_text()) for path in (ROOT / "docs" / "results").glob("*.json")]
    configs = {content["config"] for content in kept if "seconds" in content}
    assert configs
    for config in configs:
        lines = (ROOT / config).read_text().splitlines()
        header = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
        named = re.findall(r"docs/results/([\w-]+\.json)", header)
        assert named and all((ROOT / "docs" / "results" / name).is_file() for name in named), config
        assert not re.search(r"\d (minutes|hours)", header), config


def test_the_files_that_the_documents_name_exist():
    named = {
        (document.name, path)
        for document in (
            ROOT / "docs/architecture.md",
            ROOT / "CONTRIBUTING.md",
            ROOT / "README.md",
        )
        for path in re.findall(
            r"`((?:pipeline|models|scripts|tests|docs)/[\w./-]+)`", document.read_text()
        )
        if "NAME" not in path and "SECTION" not in path
    }
    assert len(named) > 25
    assert sorted(each for each in named if not (ROOT / each[1]).exists()) == []


def test_the_citation_is_of_this_version_and_licence():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert cited["cff-version"] == "1.2.0"  # whose required keys these are
    assert cited["message"] and cited["title"] and cited["authors"]
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])


def test_the_page_on_speed_is_current():
    assert (ROOT / "docs" / "speed.md").read_text() == speed_markdown(ROOT / KEPT)
