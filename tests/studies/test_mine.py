"""Hard negatives: the run goes on from its own model, and both are compared."""

import pandas as pd
import pytest

from pipeline.config import Settings
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from pipeline.studies import mine as study
from tests.evaluate.fabricated_run import fabricate, women

SETTINGS = Settings.model_validate({"evaluate": {"bootstrap": 60}, "train": {"epochs": 6}})
TABLE = pd.DataFrame({"image_id": ["a"], "logit": [3.0]})


def test_the_second_run_starts_from_the_first_and_is_compared_with_it(tmp_path):
    run = fabricate(tmp_path, women())
    remember(run, SETTINGS, Remembered("configs/mias.yaml", {"data.root": "x"}, ""))
    asked = []

    def run_stages(sub, study, changed, *, upto):
        asked.append((upto, sub.root, changed))
        fabricate(tmp_path / "made", women(), oracle=True).root.rename(sub.root)

    def mine_here(function, root, limit):
        TABLE.head(limit).to_csv(root / "mined.csv", index=False)
        return 0

    opened = Stage(run, SETTINGS, EventLog(run, "mine"))
    text = study.mine_and_train(opened, limit=5, in_own_process=mine_here, run_stages=run_stages)
    assert asked == [
        (
            "evaluate",
            run.mined.root,
            {
                "train.init": str(run.root),
                "train.mined": str(run.mined_table),
                "train.epochs": "3",
                "train.learning_rate": "9e-05",
            },
        )
    ]
    assert "mean FROC sensitivity" in text
    assert (run.mined.root / "compare-run.json").is_file()


def test_a_run_that_borrows_its_model_cannot_mine(tmp_path):
    run = fabricate(tmp_path, women(), model="runs/other")
    with pytest.raises(UserError, match="uses the model of runs/other"):
        study.mine_and_train(Stage(run, SETTINGS, EventLog(run, "mine")), limit=5)


def test_a_mining_that_fails_ends_the_study(tmp_path):
    run = fabricate(tmp_path, women())
    opened = Stage(run, SETTINGS, EventLog(run, "mine"))
    with pytest.raises(SystemExit) as ended:
        study.mine_and_train(opened, limit=5, in_own_process=lambda *call: 2)
    assert ended.value.code == 2
