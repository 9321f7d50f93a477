"""What is generated for people agrees with what it is generated from."""

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
