"""The command lines of the scripts are those that Make writes."""

import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.run.settings import setting_names

ROOT = Path(__file__).parents[2]
TARGETS = (
    *("evaluate", "intake", "crossval", "compare-heads", "mine", "controls", "ablation", "compare"),
    *("status", "inspect", "doctor", "ui", "track", "champion", "phantom-ideal", "example", "plan"),
    *("docs", "result", "export-dicom", "export-model", "predict", "serve", "faults", "fuzz"),
)
GIVEN = (
    *("RUN=a b", "CONFIG=c d", "SET=train.seed=1", "INPUT=e f", "MODEL=g", "FILE=h", "OUT=i"),
    *("SCHEDULE=full", "KINDS=1", "RUNS=j k", "VENV=none", "FILES=3", "SEED=1"),
    *("IMAGES=9", "WORKERS=2"),
)


def command_lines() -> list[str]:
    """What Make would call for all targets, each once."""
    done = subprocess.run(
        ["make", "-n", *TARGETS, *GIVEN], cwd=ROOT, check=False, capture_output=True, text=True
    )
    parts = [
        part.strip().removeprefix("exec ")
        for line in done.stdout.splitlines()
        for part in line.split(" & ")
    ]
    return sorted({part for part in parts if "scripts/" in part and "set_up" not in part})


def test_every_script_knows_the_options_that_make_gives_it(monkeypatch, capsys):
    lines = command_lines()
    assert {shlex.split(line)[1] for line in lines} == {
        str(path.relative_to(ROOT)) for path in ROOT.glob("scripts/*.py") if path.stem != "start"
    }
    monkeypatch.syspath_prepend(ROOT / "scripts")
    for line in lines:
        _, script, *words = shlex.split(line)
        monkeypatch.setattr(sys, "argv", [script, *words, "--help"])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / script), run_name="__main__")
        assert ended.value.code == 0, line + capsys.readouterr().err


@pytest.mark.parametrize("script", ["stage", "settings"])
def test_the_help_of_a_stage_lists_every_setting_with_its_default_and_unit(
    script, monkeypatch, capsys
):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(ROOT / "scripts" / f"{script}.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    told = [line.split()[1] for line in lines if " = " in line]
    assert sorted(told) == sorted(setting_names())
    assert any("image.spacing_mm = 0.1: " in line and "in mm" in line for line in lines)
