"""Write the generated pages of docs/ and the README's table; with --run keep its results first.

Reads   Makefile, scripts, pipeline/config, pipeline/report/data-dictionary.csv, requirements*.lock,
        docs/results/*.json, RUN/metrics.json and those of its studies
Writes  docs/targets.md, settings.md, tables.md, licences.md, results.md, faults.md, fuzzing.md,
        speed.md, planning.md, cloud-costs.md, README.md, docs/results/<run>.json and
        <run>-crossval.json and so on
Run     make docs; make result RUN=runs/mias
"""

from importlib.util import find_spec
from pathlib import Path

import start
from pipeline.checkup.cloud_costs import cloud_costs_markdown
from pipeline.checkup.licences import licences_markdown
from pipeline.checkup.planning import planning_markdown
from pipeline.checkup.speed import speed_markdown
from pipeline.checkup.targets import targets_markdown
from pipeline.config.describe import settings_markdown
from pipeline.report.data_dictionary import tables_markdown
from pipeline.report.readme import headline_markdown, results_page, with_results, write_results
from pipeline.run.atomic import read_json, write_text_if_changed
from pipeline.run.layout import RunFolder
from tests.fault_injection.fuzz import fuzz_markdown
from tests.fault_injection.outcomes import faults_markdown

RESULTS = Path("docs/results")
README = Path("README.md")


def docs(run: Path | None = None) -> None:
    """Write the generated pages of docs/ and the README's table; first keep results of RUN."""
    if run:
        print(*write_results(RunFolder(run), RESULTS), sep="\n")
    write_text_if_changed(Path("docs/settings.md"), settings_markdown())
    write_text_if_changed(Path("docs/targets.md"), targets_markdown(Path()))
    write_text_if_changed(Path("docs/tables.md"), tables_markdown())
    if find_spec("pytest"):  # whose packages the page lists too, by what they say of themselves
        write_text_if_changed(Path("docs/licences.md"), licences_markdown(Path()))
    write_text_if_changed(Path("docs/faults.md"), faults_markdown(RESULTS))
    fuzzed = read_json(RESULTS / "fuzz.json")
    write_text_if_changed(Path("docs/fuzzing.md"), fuzz_markdown(fuzzed))
    write_text_if_changed(Path("docs/results.md"), results_page(RESULTS))
    write_text_if_changed(Path("docs/speed.md"), speed_markdown())
    write_text_if_changed(Path("docs/planning.md"), planning_markdown())
    write_text_if_changed(Path("docs/cloud-costs.md"), cloud_costs_markdown())
    text = README.read_text(encoding="utf-8")
    write_text_if_changed(README, with_results(text, headline_markdown(RESULTS)))


if __name__ == "__main__":
    start.command_line(docs)
