"""A study that was killed midway goes on where it was: nothing that is done is done again."""

from collections import Counter
from collections.abc import Callable

import pytest

from pipeline.config import Settings
from pipeline.run.code import ROOT, Code
from pipeline.run.events import EventLog
from pipeline.run.graph import Node
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from pipeline.studies import ablation, controls, crossval, heads, subruns
from tests.model.cards import write_a_card

CONFIG = str(ROOT / "configs" / "mias.yaml")
STUDIES = {
    "crossval": lambda stage: crossval.crossval(stage, folds=3),
    "compare-heads": lambda stage: heads.compare_heads(stage, seeds=2),
    "ablation": lambda stage: ablation.ablation(stage, seeds=2),
    "controls": controls.run_controls,
}
JUDGES = (
    *((crossval, "load_judged"), (controls, "load_judged")),
    *((heads, "judge_heads"), (ablation, "judge_ablation")),
)


class Judging(Exception):
    """All parts are done, and the study begins to judge them."""


class Killed(BaseException):
    """The process ends."""


class Work:
    """In place of the work of all stages: each writes its target, and one training is killed.

    Attributes:
        done: (part, stage) in order; ingest is left out, since it looks every time.
        kills: the number of the training that is killed, from 1.
    """

    def __init__(self):
        self.done: list[tuple[str, str]] = []
        self.kills = 0

    def of(self, node: Node) -> Callable[[Stage], str]:
        def work(stage: Stage) -> str:
            target = node.target(stage.run)
            if node.name == "ingest" and target.is_file():
                return ""
            if node.name != "ingest":
                self.done.append((stage.run.root.name, node.name))
            if node.name == "train":
                self.kills -= 1
                if self.kills == 0:
                    raise Killed
                write_a_card(stage.run.model)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text("{}")
            return ""

        return work


@pytest.fixture
def work(monkeypatch) -> Work:
    def judge(*_args, **_named):
        raise Judging

    def call(function: Callable, *arguments) -> int:
        function(*arguments)
        return 0

    work = Work()
    monkeypatch.setattr(Node, "work", property(work.of))
    monkeypatch.setattr(subruns, "in_own_process", call)
    monkeypatch.setattr("pipeline.run.stage.code_state", lambda: Code("c0ffee"))
    for study, name in JUDGES:
        monkeypatch.setattr(study, name, judge)
    return work


@pytest.mark.parametrize("name", STUDIES)
def test_a_killed_study_goes_on_and_a_finished_one_only_judges(name, work, tmp_path):
    run = RunFolder(tmp_path / "study")
    remember(run, Settings(), Remembered(CONFIG, {"data.root": "x"}))
    stage = Stage(run, Settings(), EventLog(run, name))
    work.kills = 1 if name == "controls" else 2
    with pytest.raises(Killed):
        STUDIES[name](stage)
    killed = work.done[-1]
    assert killed[1] == "train"
    with pytest.raises(Judging):
        STUDIES[name](stage)
    times = Counter(work.done)
    assert times.pop(killed) == 2
    assert set(times.values()) == {1}
    parts = {part for part, _ in work.done}
    assert {part for part, made in work.done if made == "train"} == parts
    before = len(work.done)
    with pytest.raises(Judging):
        STUDIES[name](stage)
    assert len(work.done) == before
