"""Whether a stage is done: by content where its manifest knows it, and by times, as Make goes.

`status` says it to people.

A clock that is set back, a copy of a folder or a kill between the last files of a stage leave times
that say nothing. So times are put right where content knows better, and Make, which knows times
alone, comes to the same answer.
"""

import os
from collections.abc import Callable
from pathlib import Path

from pipeline.run.code import changed_files
from pipeline.run.events import last_finished
from pipeline.run.graph import GRAPH, STAGE_SECTIONS, Node, inputs
from pipeline.run.layout import RunFolder
from pipeline.run.manifest import changed_inputs, is_unfinished
from pipeline.run.settings import recall

_SECOND_NS = 10**9  # as finely as every file system tells times


def is_done(node: Node, run: RunFolder) -> bool:
    """Whether there is nothing to do for a stage; ingest looks itself each time."""
    there = not node.always and node.target(run).is_file()
    return there and not is_unfinished(node, run) and not outdated_by(node, run)


def outdated_by(node: Node, run: RunFolder) -> list[Path]:
    """The files that a stage is made from and that changed after its target was written."""
    if node.always:
        return []
    written = _time(node.target(run))
    newer = [path for path in inputs(node, run) if path.exists() and _time(path) > written]
    return list(dict.fromkeys([*newer, *changed_inputs(node, run)]))


def tell_make(run: RunFolder) -> None:
    """Let the settings of each stage that is not done be newer than its target.

    Only of stages with settings of their own: those of others make other stages, too.
    """
    for node in (GRAPH[name] for name in STAGE_SECTIONS):
        target, settings = node.target(run), run.stage_settings(node.name)
        if node.always or not target.is_file() or is_done(node, run):
            continue
        if settings.is_file() and _time(settings) <= _time(target):
            _set_time(settings, _time(target) + _SECOND_NS)


def put_in_order(node: Node, run: RunFolder) -> None:
    """Let the target of a stage be as new as what it was made from.

    And newer than what was made from another one, so that this is redone.
    """
    target = node.target(run)
    earliest = [_time(path) for path in inputs(node, run) if path.exists()]
    for other in GRAPH.values():
        there = other.target(run)
        if node.name in other.after and target in changed_inputs(other, run) and there.is_file():
            earliest.append(_time(there) + _SECOND_NS)
    if earliest and _time(target) < max(earliest):
        _set_time(target, max(earliest))


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns


def _set_time(path: Path, time_ns: int) -> None:
    os.utime(path, ns=(time_ns, time_ns))


ChangedFiles = Callable[[str, frozenset[Path]], list[str]]


def status(
    run: RunFolder, *, changed: ChangedFiles = changed_files, older: str = ""
) -> list[tuple[str, str]]:
    """(stage, sentence) for each stage, in order.

    Args:
        changed: which of some files differ from a commit.
        older: than what the catalog is, which its own files do not tell; "" where it is not.
    """
    finished, model = last_finished(run), recall(run).model
    good = "up to date with the catalog, which is older than the files" if older else ""
    sentences = {
        name: _sentence(node, run, finished.get(name, {}), changed, good)
        for name, node in GRAPH.items()
    }
    if older:
        sentences["ingest"] = older
    if model:
        sentences["train"] = f"not done here: the model is that of {model}"
    else:
        del sentences["calibrate"]  # which is about another run's model
    return list(sentences.items())


def _sentence(node: Node, run: RunFolder, last: dict, changed: ChangedFiles, good: str) -> str:
    """Args: good: what there is to say where nothing is wrong, if it is not "up to date"."""
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
    if good:
        return good
    if last and not last.get("commit"):
        return "up to date with its files; the commit of its code is not known"
    return "up to date"
