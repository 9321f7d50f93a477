"""The faults that take seconds, done by the program itself; and what it says of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault_injection.catalogue import chosen
from tests.fault_injection.fault import Fault, NotSurvived, Outcome, Skipped, run_faults
from tests.fault_injection.outcomes import kills_line, summary_line
from tests.fault_injection.same_results import differences

SCRIPT = Path(__file__).parents[2] / "scripts" / "faults.py"
QUICK = [each.name for each in chosen(quick=True)]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, dict]:
    """What the program writes, by the name of the fault."""
    out = tmp_path_factory.mktemp("faults")
    words = [sys.executable, str(SCRIPT), "--quick", "--out", str(out)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert "faults survived" in done.stdout, done.stderr
    found = {each["name"]: each for each in json.loads((out / "faults.json").read_text())}
    assert set(found) == set(QUICK)
    return found


@pytest.mark.parametrize("name", QUICK)
def test_a_run_bears_it(outcomes, name):
    assert outcomes[name]["survived"] is not False, outcomes[name]["note"]
    assert outcomes[name]["lost"] == 0


def harm(error: Exception | None):
    def work(place):
        (place.folder / "rest").write_text("")
        if error:
            raise error
        return "fine"

    return work


def test_what_was_not_borne_and_what_was_not_tried_are_said_as_such(tmp_path):
    errors = {
        "fine": None,
        "lost": NotSurvived("3 rows"),
        "no": Skipped("no root"),
        "x": KeyError(),
    }
    faults = [Fault(name, harm(error), True, "") for name, error in errors.items()]
    outcomes = [outcome for outcome, _ in run_faults(faults, tmp_path)]
    assert [each.survived for each in outcomes] == [True, False, None, False]
    assert [each.lost for each in outcomes] == [0, 1, 0, 1]
    assert [each.note for each in outcomes][1:3] == ["3 rows", "not tried: no root"]
    assert json.loads((tmp_path / "faults.json").read_text())[0] == vars(outcomes[0])
    assert [path.name for path in tmp_path.iterdir()] == ["faults.json"]
    assert summary_line(outcomes) == "1 of 3 faults survived, 2 lost; 1 not tried here"
    assert summary_line([Outcome("a", True, 0, "")]) == "1 of 1 faults survived, nothing lost"


def test_kills_are_counted_up_to_the_one_that_was_not_borne():
    notes = ("33 of 33 kills: rerun identical", "0 of 9 canaries found", "34 of 34 kills: same")
    borne = [Outcome("a", True, 0, note) for note in notes]
    assert kills_line(borne) == "67 of 67 kills: rerun identical"
    broken = Outcome("b", False, 1, "kill 5 after 1.20 s: other results than without: a.csv")
    assert kills_line([*borne, broken]) == "71 of 72 kills: rerun identical"
    assert kills_line([Outcome("c", True, 0, "fine")]) == ""


def test_other_results_are_seen_and_other_times_are_none(tmp_path):
    for name, seconds, share in (("a", 1, 0.5), ("b", 2, 0.5), ("c", 1, 0.6)):
        model = tmp_path / name / "runs/small/model"
        model.mkdir(parents=True)
        (model / "model.json").write_text(json.dumps({"t": {"seconds": seconds, "share": share}}))
    assert differences("train", tmp_path / "a", tmp_path / "b") == []
    assert differences("train", tmp_path / "a", tmp_path / "c") == ["runs/small/model/model.json"]
    assert differences("train", tmp_path / "a", tmp_path / "none") != []
