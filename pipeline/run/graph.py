"""The stage graph, once: what each stage is made from, what it writes last, who does its work.

`make` (a test compares its rules with this), `make status`, the settings and the studies go by it.
A stage is done when its target is there and nothing that it is made from has changed since
(freshness.py).
"""

import importlib
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.run.atomic import read_json
from pipeline.run.code import code_of
from pipeline.run.layout import RunFolder


@dataclass(frozen=True)
class Node:
    """One stage of the graph."""

    name: str
    module: str  # its function of the stage's name does the work
    writes_last: str  # the file of the run folder that the stage writes last, by its name there
    after: tuple[str, ...]  # stages whose targets it is made from
    # of the settings, that RUN/settings/<name>.yaml holds and no other stage's file
    sections: tuple[str, ...]
    settings: tuple[str, ...]  # stages whose settings files it is made from
    leaves: tuple[str, ...] = ()  # the files and folders, by their names, that later stages read
    also: tuple[str, ...] = ()  # the others that it writes
    # it looks itself whether anything changed, and leaves its target alone if not
    always: bool = False

    @property
    def code(self) -> frozenset[Path]:
        """The files whose code makes the result."""
        return code_of(self.module)

    @property
    def work(self) -> Callable:
        """The function that takes an open stage and returns a line that sums up."""
        return getattr(importlib.import_module(self.module), self.name)

    def target(self, run: RunFolder) -> Path:
        """The file that says that the stage is done."""
        return getattr(run, self.writes_last)


_OF_INTAKE = ("intake", "intake_page", "breast_folder", "audit", "intake_summary")
# fmt: off
_NODES = (
    Node("ingest", "pipeline.ingest.stage", "catalog",
         (), ("data", "phantom"), ("ingest",),
         ("images_table", "findings_table", "files_table", "split_table", "catalog"), always=True),
    Node("intake", "pipeline.preprocess.intake.stage", "intake_summary",
         ("ingest",), (), ("preprocess",), also=_OF_INTAKE),
    Node("preprocess", "pipeline.preprocess.stage", "preprocess_summary",
         ("ingest",), ("store", "dicom", "image", "labels", "split"), ("preprocess",),
         ("mammograms", "outlines", "positions"),
         (*_OF_INTAKE, "contact_sheet", "preprocess_summary")),
    Node("train", "pipeline.train.stage", "model_file",
         ("preprocess",), ("network", "train", "maps"), ("train",), ("model",),
         ("left_out_maps", "model_card")),
    Node("heatmap", "pipeline.heatmap.stage", "heatmap_summary",
         ("train", "preprocess"), ("heatmap",), ("heatmap",),
         ("heatmaps", "images", "candidates", "regions", "heatmap_summary"),
         ("predictions", "overlays", "uncertainty", "viewer", "report", "report_pages")),
    Node("evaluate", "pipeline.evaluate.stage", "metrics",
         ("heatmap",), ("evaluate",), ("evaluate",),
         also=("metrics", "lesions", "plots", "paper", "report", "report_pages", "model_card")),
    Node("calibrate", "pipeline.studies.site_calibration", "site_calibration",
         ("heatmap",), (), ("train", "evaluate"), also=("site_calibration", "model")),
)
# fmt: on
GRAPH = {node.name: node for node in _NODES}

# The sections of each settings file: a changed value redoes the stages that are made from it. What
# is about image and labels reaches later stages through the files of preprocess and the model.
STAGE_SECTIONS = {node.name: node.sections for node in _NODES if node.sections}


# What a stage does first, which may take a while before it says anything itself.
_FIRST = {
    "intake": "reading the catalog",
    "preprocess": "reading the catalog",
    "train": "reading the positions",
    "heatmap": "reading the model",
    "evaluate": "reading maps and tables",
    "calibrate": "reading maps and tables",
}
_WITH_ANOTHER_MODEL = "with the model of another run make heatmap RUN={run} MODEL=runs/..."
# What to do after a stage or a study, `{run}` being the run folder.
_NEXT = {
    "ingest": "make preprocess RUN={run}",
    "intake": "look at {run}/intake.html; then make preprocess RUN={run}",
    "preprocess": "make train RUN={run}; " + _WITH_ANOTHER_MODEL,
    "train": "make heatmap RUN={run}",
    "heatmap": "open {run}/report.html; make evaluate RUN={run} judges it where the truth is known",
    "evaluate": "open {run}/report.html; make ui shows all runs",
    "calibrate": "make heatmap with MODEL={run} in another RUN",
    "crossval": "open {run}/crossval.html; for other mammograms make heatmap MODEL={run}/folds",
    "compare-heads": "open {run}/heads.html",
    "ablation": "make result RUN={run} keeps the table in docs/results",
    "mine": "open {run}/mined/report.html, and in it what changed: {run}/mined/compare-*.html",
    "controls": "open {run}/report.html, at its controls",
    "robustness": "open {run}/report.html, at its robustness",
    "export-dicom": "docs/dicom-out.md says how to open {run}/dicom in OHIF, 3D Slicer and QuPath",
}


def first_step(name: str) -> str:
    """What a stage does first; "" where it is done at once."""
    return _FIRST.get(name, "")


def next_step(name: str, run: RunFolder) -> str:
    """What to do after a stage or a study, in a line."""
    told = _after_preprocess(run) if name == "preprocess" else _NEXT[name]
    return told.format(run=shlex.quote(str(run.root)))


def _after_preprocess(run: RunFolder) -> str:
    """What can follow; a training refuses data without anybody, or any lesion, to learn from."""
    if run.borrowed_model.is_file():
        return "make heatmap RUN={run}"
    counts = read_json(run.preprocess_summary) or {}
    seen = [counts[split] for split in ("train", "validation") if split in counts]
    if seen and not any(of["images"] for of in seen):
        missing = "all patients are held out for the test: lower split.test to train"
    elif seen and not any(of["positions"]["positive"] for of in seen):
        missing = (
            "no lesion to train on: give outlines of findings (docs/findings-csv.md), or see "
            "whether labels.kinds, labels.positive or the split leaves them out"
        )
    else:
        return _NEXT["preprocess"]
    return f"{missing}; {_WITH_ANOTHER_MODEL}"


def is_last(name: str, goals: Sequence[str], run: RunFolder) -> bool:
    """Whether a stage is the last one of what Make was asked for.

    Args:
        goals: stages, and any other word for something that follows them.
    """
    others = {*goals} - {name}
    follows = any(g not in GRAPH or GRAPH[name] in needed_for(g, run) for g in others)
    return name in GRAPH and name in goals and not follows


def needed_for(name: str, run: RunFolder) -> list[Node]:
    """The stages up to one, in order; none trains where the run borrows another run's model."""
    needed = {name}
    for node in reversed(_NODES):
        if node.name in needed:
            needed.update(node.after)
    if run.borrowed_model.is_file():
        needed.discard("train")
    return [node for node in _NODES if node.name in needed]


def inputs(node: Node, run: RunFolder) -> list[Path]:
    """The files that a stage is made from."""
    borrows = run.borrowed_model.is_file()
    targets = [
        run.borrowed_model if name == "train" and borrows else GRAPH[name].target(run)
        for name in node.after
    ]
    return [*targets, *(run.stage_settings(name) for name in node.settings)]
