"""The results that are kept: from a run to docs/results/*.json to a page and the README's table.

A table whose recipe is not the one that its configuration has today says so.
"""

import re
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from pipeline.figures.registry import (
    BASELINES,
    FIRST_FIGURES,
    METRICS,
    Place,
    first_figures,
    headline_metrics,
    probability_metrics,
    ranking_metrics,
)
from pipeline.model.card import has_model, read_card
from pipeline.model.recipe import changed_since
from pipeline.pages.template import render_markdown
from pipeline.run.atomic import read_json, write_json
from pipeline.run.code import ROOT
from pipeline.run.errors import UserError
from pipeline.run.events import last_finished
from pipeline.run.hardware import hardware
from pipeline.run.layout import RunFolder
from pipeline.run.settings import build_settings, recall

TEMPLATE = Path(__file__).parent / "readme-results.md"
IN_README = Path(__file__).parent / "readme-headline.md"
PAGE = Path(__file__).parent / "results-page.md"
ABLATION = Path(__file__).parent / "ablation.md"
# What only the file of a study has, and the target that makes it.
_MADE_BY = {
    "folds": "crossval",
    "arms": "compare-heads",
    "variants": "ablation",
    "controls": "controls",
    "changes": "robustness",
}
_NAMED = 4
STAGES = ("preprocess", "train", "heatmap", "evaluate")
MARK = re.compile(r"(<!-- results:begin -->\n).*?(<!-- results:end -->)", re.DOTALL)


def write_results(run: RunFolder, folder: Path) -> list[Path]:
    """Keep the figures of an evaluated run, its cross-validation and its studies, as far as made.

    Args:
        folder: gets <run>.json, and <run>-<study>.json of each study that there is.

    Raises:
        UserError: none of them is there.
    """
    remembered, name = recall(run), run.root.name
    origin = {
        "config": remembered.config,
        "set": {k: v for k, v in remembered.overrides.items() if not k.endswith(".root")},
    }
    about = {**origin, "hardware": hardware()}
    kept = {}
    if run.metrics.is_file():
        kept[name] = {"run": name, **about, "seconds": _seconds(run), **read_json(run.metrics)}
    if run.crossval.is_file():
        figures, title = read_json(run.crossval), f"{name}-crossval"
        seconds: Counter[str] = Counter()  # over all folds
        for number in range(1, len(figures["folds"]) + 1):
            seconds.update(_seconds(run.fold(number)))
        kept[title] = {"run": title, **about, "seconds": dict(seconds), **figures}
    for path in (run.heads, run.ablation, run.controls, run.robustness):
        if path.is_file():
            kept[f"{name}-{path.stem}"] = {"run": name, **origin, **read_json(path)}
    if not kept:
        named = shlex.quote(str(run.root))
        raise UserError(
            f"{run.metrics} is missing, and {run.crossval.name} too. Run make evaluate "
            f"RUN={named} or make crossval RUN={named} first."
        )
    paths = {folder / f"{title}.json": content for title, content in kept.items()}
    for path, content in paths.items():
        write_json(path, content)
    return list(paths)


def _seconds(run: RunFolder) -> dict[str, int]:
    """How long the last finished work of each stage took; a training, all its sessions."""
    last = {stage: round(finish["seconds"]) for stage, finish in last_finished(run).items()}
    if "train" in last and has_model(run.model):
        last["train"] = max(last["train"], round(read_card(run.model).training.seconds))
    return last


def _kept(folder: Path) -> list[dict]:
    """Figures of runs and studies, each with `outdated`."""
    files = [read_json(path) for path in sorted(folder.glob("*.json"), key=lambda p: p.stem)]
    return [
        {**content, "outdated": outdated(content)}
        for content in files
        if isinstance(content, dict) and "config" in content  # others are no results
    ]


def results_page(folder: Path) -> str:
    """The page of all kept results."""
    return render_markdown(PAGE, results=results_markdown(folder).rstrip())


def headline_markdown(folder: Path) -> str:
    """The table of the README: the figures that stand first in a report, of each kept run."""
    results = [
        {**content, "headline": dict(first_figures(content))}
        for content in _kept(folder)
        if "patch_auc" in content
    ]
    titles = [METRICS[name].title for name in FIRST_FIGURES]
    return render_markdown(IN_README, results=results, titles=titles)


def results_markdown(folder: Path) -> str:
    """One table over all kept runs, then one for each other study."""
    kept = _kept(folder)
    return render_markdown(
        TEMPLATE,
        results=[content for content in kept if "patch_auc" in content],
        studies=[content for content in kept if "patch_auc" not in content],
        ranking=ranking_metrics(within=Place.SUMMARY),
        probabilities=probability_metrics(within=Place.SUMMARY),
        study_probabilities=probability_metrics(within=Place.STUDY),
        baselines=BASELINES,
        headline=headline_metrics(),
        stages=STAGES,
    )


def outdated(content: Mapping) -> str:
    """A sentence where a kept result is of another recipe than its configuration today; else ""."""
    try:
        today = build_settings(ROOT / content["config"], content.get("set", {}))
        changes = changed_since(content.get("recipe"), today)
    except UserError as wrong:
        changes = [str(wrong)]
    if not changes:
        return ""
    commit = content["commit"][:7] or "unknown"
    more = f"; and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
    return (
        f"Of an earlier recipe ({content['date']}, commit {commit}; "
        f"{'; '.join(changes[:_NAMED])}{more}). In a new run folder `{_command(content)}` and "
        "`make result` make it again."
    )


def _command(content: Mapping) -> str:
    """How a kept result is made; the place of the data is not kept."""
    words = next((words for key, words in _MADE_BY.items() if key in content), "evaluate")
    if "folds" in content:
        words += f" FOLDS={len(content['folds'])}"
    if "seeds" in content:
        words += f" SEEDS={content['seeds']}"
    if "schedule" in content and isinstance(content["schedule"], str):
        words += " SCHEDULE=full"
    given = " ".join(
        f"{name}={shlex.quote(value)}" for name, value in content.get("set", {}).items()
    )
    return f"make {words} CONFIG={content['config']}" + (f' SET="{given}"' if given else "")


def ablation_table(study: Mapping) -> str:
    """What each variant of ablation.json reached on validation patients."""
    return render_markdown(ABLATION, study=study).rstrip()


def with_results(readme: str, table: str) -> str:
    """The README with the table between its two marks."""
    return MARK.sub(lambda match: match[1] + table + match[2], readme)
