"""Run the stages several times in one study.

Reads   RUN/settings; mine, controls, robustness: RUN after evaluate or heatmap; compare: two runs
Writes  RUN/<study>/, a run folder for each part; RUN/<study>.json and pages of it
Run     make crossval, compare, compare-heads, mine, ablation, controls, robustness
"""

from pathlib import Path

import start
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings, words_of
from pipeline.run.stage import open_stage, say_next


def crossval(run: start.Run, folds: int = 4) -> None:
    """Cross-validation by patient, judged over all folds together."""
    from pipeline.studies.crossval import crossval

    with open_stage("crossval", run) as stage:
        print(f"crossval: {crossval(stage, folds=folds)}", flush=True)
        say_next("crossval", stage.run)


def compare_heads(run: start.Run, seeds: int = 5, full: bool = False, kinds: bool = False) -> None:
    """Two softmax units against one sigmoid, as people write them and matched."""
    from pipeline.studies.heads import compare_heads

    with open_stage("compare-heads", run) as stage:
        verdict = compare_heads(stage, seeds=seeds, full=full, kinds=kinds)
        print(f"compare-heads: {verdict}", flush=True)
        say_next("compare-heads", stage.run)


def ablation(run: start.Run, seeds: int = 2, full: bool = False) -> None:
    """What each ingredient of the recipe brings, on validation patients."""
    from pipeline.studies.ablation import ablation

    with open_stage("ablation", run) as stage:
        print(f"ablation: {ablation(stage, seeds=seeds, full=full)}", flush=True)
        say_next("ablation", stage.run)


def mine(run: start.Run, limit: int = 500) -> None:
    """Find the worst false alarms on the training patients and train on with them."""
    from pipeline.studies.mine import mine_and_train

    with open_stage("mine", run) as stage:
        print(f"mine: {mine_and_train(stage, limit=limit)}", flush=True)
        say_next("mine", stage.run)


def controls(run: start.Run, full: bool = False) -> int:
    """Check what must hold whatever the network is worth; status 1 where it does not."""
    from pipeline.studies.controls import controls_text, failed, run_controls

    with open_stage("controls", run) as stage:
        found = run_controls(stage, full=full)
        print(controls_text(found), flush=True)
        say_next("controls", stage.run)
    return 1 if failed(found) else 0


def robustness(run: start.Run, limit: int | None = None) -> None:
    """What the figures become on test mammograms that look otherwise."""
    from pipeline.studies.robustness import robustness, robustness_text

    with open_stage("robustness", run) as stage:
        print(f"robustness:\n{robustness_text(robustness(stage, limit=limit))}", flush=True)
        say_next("robustness", stage.run)


def compare(runs: str) -> None:
    """Two evaluated runs on the same mammograms: every figure and its difference, paired."""
    from pipeline.studies.compare import compare, comparison_text

    words = words_of(runs, what="RUNS", example="\"runs/a 'runs/b c'\"")
    folders = [RunFolder(Path(word)) for word in words]
    if len(folders) != 2:
        raise UserError('compare: name two run folders: make compare RUNS="runs/a runs/b".')
    first, second = folders
    print(comparison_text(compare(first, second, load_settings(first).evaluate)))
    print(f"next: open {first.root / f'compare-{second.root.name}.html'}")


if __name__ == "__main__":
    start.command_line(crossval, compare_heads, ablation, mine, controls, robustness, compare)
