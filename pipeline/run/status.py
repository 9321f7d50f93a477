"""What is done in a run folder, and what is older than its inputs, settings or code."""

from collections.abc import Callable
from pathlib import Path

from pipeline.run.code import changed_files
from pipeline.run.events import last_finished
from pipeline.run.freshness import outdated_by
from pipeline.run.graph import GRAPH, Node
from pipeline.run.layout import RunFolder
from pipeline.run.manifest import is_unfinished
from pipeline.run.settings import recall

ChangedFiles = Callable[[str, frozenset[Path]], list[str]]


def status(run: RunFolder, *, changed: ChangedFiles = changed_files) -> list[tuple[str, str]]:
    """(stage, sentence) for each stage, in order.

    Args:
        changed: which of some files differ from a commit.
    """
    finished, model = last_finished(run), recall(run).model
    sentences = {
        name: _sentence(node, run, finished.get(name, {}), changed) for name, node in GRAPH.items()
    }
    if model:
        sentences["train"] = f"not done here: the model is that of {model}"
    else:
        del sentences["calibrate"]  # which is about another run's model
    return list(sentences.items())


def _sentence(node: Node, run: RunFolder, last: dict, changed: ChangedFiles) -> str:
    if not node.target(run).exists():
        return "not done"
    if is_unfinished(node, run):
        return "begun again and not ended: it runs, or the next make redoes it"
    newer = [path.name for path in outdated_by(node, run)]
    if newer:
        return f"older than {', '.join(newer)}; the next make redoes it"
    # Files that differed from the commit are not known.
    commit = "" if last.get("dirty") else last.get("commit", "")
    files = changed(commit, node.code) if commit else []
    if files:
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        return (
            f"made by other code: since commit {commit[:10]} {files[0]}{more} changed; FORCE=1 "
            "redoes it"
        )
    if last and not last.get("commit"):
        return "up to date with its files; the commit of its code is not known"
    return "up to date"
