"""What the stages of a run took, from its event log."""

import pytest

from pipeline.checkup.mammogram_costs import costs_of
from pipeline.checkup.planning import check_of
from pipeline.checkup.stage_times import StageTimes, untold
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings
from tests.checkup.finished_run import run_of, times_of


def test_a_run_that_does_not_tell_its_costs_says_why(tmp_path):
    assert "is not prepared" in untold(StageTimes.of(RunFolder(tmp_path / "none")))
    assert "found most of its mammograms done" in untold(
        times_of(tmp_path / "a", 200, steps=5, new=9)
    )
    run = run_of(tmp_path / "b", 200, steps=5)
    times, known = StageTimes.of(run), load_settings(run)
    assert not untold(times) and not untold(times, known)
    for change, reason in (({"epochs": 9}, ""), ({"members": 3}, "was made with other settings")):
        train = known.train.model_copy(update=change)
        said = untold(times, known.model_copy(update={"train": train}))
        assert said.endswith(reason) and bool(said) == bool(reason)
    for status in ("failed", "finished"):
        log = EventLog(run, "train")
        log.start(settings={}, commit="", dirty=False)
        log.finish(status=status, seconds=1.0, peak_mib=1.0, own=1.0, workers=0.0)
    assert untold(StageTimes.of(run)) == f"train of RUN={run.root} took several goes"
    run.events.unlink()
    with pytest.raises(UserError, match="does not say what its stages took"):
        costs_of(StageTimes.of(run))


def test_the_log_is_read_once(tmp_path):
    times = times_of(tmp_path / "run", 200, steps=5)
    times.run.events.unlink()
    check = check_of(costs_of(times), times, cores=2)
    assert untold(times) == "" and check["images"] == 200
