"""What is generated for people agrees with what it is generated from."""

import json
import re
from pathlib import Path

import pandas as pd

from pipeline.config import HeatmapSettings, Settings
from pipeline.config.describe import settings_markdown
from pipeline.heatmap.stage import heatmap
from pipeline.report.readme import results_markdown, with_results
from pipeline.run.events import EventLog
from pipeline.run.settings import build_settings
from pipeline.run.stage import Stage
from pipeline.train.data.mining import MINED_COLUMNS
from tests.heatmap.small_run import BrightnessNetwork, write_small_run

ROOT = Path(__file__).parents[1]


def test_the_page_of_settings_is_current():
    assert (ROOT / "docs" / "settings.md").read_text() == settings_markdown(), "run make docs"


def test_the_results_table_is_the_kept_results():
    readme = (ROOT / "README.md").read_text()
    assert with_results(readme, results_markdown(ROOT / "docs" / "results")) == readme, (
        "run make docs"
    )


def test_the_page_of_tables_has_the_columns_that_the_stages_write(tmp_path):
    run = write_small_run(tmp_path)
    chosen = Settings(heatmap=HeatmapSettings(min_region_mm2=1.0))
    heatmap(Stage(run, chosen, EventLog(run, "heatmap")), mapper_of=BrightnessNetwork().of)
    written = {
        path.name: list(read(path).columns)
        for read, paths in (
            (pd.read_csv, (run.regions, run.candidates, run.images)),
            (pd.read_parquet, (run.positions, run.predictions)),
        )
        for path in paths
    }
    written[run.mined_table.name] = list(MINED_COLUMNS)
    described = {}
    for section in (ROOT / "docs" / "tables.md").read_text().split("\n## ")[1:]:
        name, _, text = section.partition("\n")
        cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
        described[name] = [column for cell in cells for column in re.findall(r"`(\w+)`", cell)]
    assert described == written


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
