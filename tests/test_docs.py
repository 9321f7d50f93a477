"""What is generated for people agrees with what it is generated from."""

import json
import re
from pathlib import Path

from pipeline.config.describe import settings_markdown
from pipeline.report.readme import results_markdown, with_results
from pipeline.run.settings import build_settings

ROOT = Path(__file__).parents[1]


def test_the_page_of_settings_is_current():
    assert (ROOT / "docs" / "settings.md").read_text() == settings_markdown(), "run make docs"


def test_the_results_table_is_the_kept_results():
    readme = (ROOT / "README.md").read_text()
    assert with_results(readme, results_markdown(ROOT / "docs" / "results")) == readme, (
        "run make docs"
    )


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
