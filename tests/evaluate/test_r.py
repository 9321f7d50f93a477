"""What the documentation says for R does in R what it says."""

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from pipeline.evaluate.lesions import write_lesions
from pipeline.evaluate.load import load_judged
from tests.evaluate.fabricated_run import fabricate, women
from tests.evaluate.test_paper import papered
from tests.needed import is_missing

PAGE = Path(__file__).parents[2] / "docs" / "analysis.md"
FIGURE_OF_MERIT = Path(__file__).with_name("figure_of_merit.R")


def test_the_lines_for_r_give_the_figures_of_the_run(tmp_path):
    if shutil.which("Rscript") is None:
        message = "R is missing: apt install r-base-core r-cran-readxl"
        is_missing(message)
    run = fabricate(tmp_path, women(normal=5, abnormal=5))
    metrics = papered(run)
    write_lesions(load_judged(run), run.lesions)
    lines = re.findall(r"```r\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(lines) == 2
    ours = lines[0].replace("runs/default", str(run.root))
    printed = _r(f"pdf(NULL)\n{ours}\n{FIGURE_OF_MERIT.read_text()}", tmp_path)
    found = dict(re.findall(r"^(wAFROC|FROC) (.*) $", printed, re.MULTILINE))
    assert float(found["wAFROC"]) == pytest.approx(metrics["wafroc"]["value"], abs=1e-6)
    candidates = pd.read_csv(run.candidates, dtype={"finding_id": str}, keep_default_na=False)
    points, sensitivity, alarms = (float(x) for x in found["FROC"].split())
    assert points == candidates["score"].nunique()
    assert sensitivity == metrics["froc"][-1]["sensitivity"] > 0
    assert alarms == pytest.approx((candidates["finding_id"] == "").sum() / 10)


def _r(lines: str, folder: Path) -> str:
    done = subprocess.run(
        ["Rscript", "--vanilla", "-"],
        input=lines,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
