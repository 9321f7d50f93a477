"""The documentation as a site: whole, without the network; its notebook runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest

from pipeline.checkup.targets import described, targets_markdown
from pipeline.config import Settings
from pipeline.evaluate.judge import Bootstrap
from pipeline.evaluate.lesions import write_lesions
from pipeline.evaluate.load import load_judged
from pipeline.evaluate.metrics import compute_metrics
from pipeline.model.image_map import ImageMap, write_map
from pipeline.run.atomic import write_json
from pipeline.run.settings import load_settings
from tests.evaluate.fabricated_run import PITCH_PX, fabricate, women

ROOT = Path(__file__).parents[1]
WITHOUT_HELP = {"no-model", "always"}  # what Make itself needs


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_has_every_page_and_loads_nothing_from_elsewhere(site):
    pages = {path.name for path in site.glob("*.html")}
    written = {f"{path.stem}.html" for path in (ROOT / "docs").glob("*.md")}
    assert written | {"index.html", "CONTRIBUTING.html", "CHANGELOG.html"} <= pages
    for page in site.glob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"?([^\" >]+)", page.read_text()
        )
        assert loaded
        assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []


def test_pictures_are_small_and_have_words_for_those_who_do_not_see_them():
    pictures = [*(ROOT / "docs").rglob("*.png")]
    assert sum(path.stat().st_size for path in pictures) < 600_000
    text = "".join(p.read_text() for p in (*(ROOT / "docs").glob("*.md"), ROOT / "README.md"))
    shown = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)
    assert {Path(path).name for _, path in shown} == {path.name for path in pictures}
    assert all(len(words) > 20 for words, _ in shown)


def test_the_page_of_targets_is_current():
    assert (ROOT / "docs" / "targets.md").read_text() == targets_markdown(ROOT), "run make docs"


def test_every_target_says_what_it_does_and_every_script_when_it_runs():
    makefile = (ROOT / "Makefile").read_text()
    rules = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    page = (ROOT / "docs" / "targets.md").read_text()
    assert sorted(name for name in rules - WITHOUT_HELP if f"| `make {name}` | " not in page) == []
    for script in (ROOT / "scripts").glob("*.py"):
        what, run = described(script)
        assert what.endswith((".", ".)")), script.name
        named = set(re.findall(r"make ([a-z-]+)", run))
        assert named <= rules, script.name
        assert named or script.stem == "start", f"{script.name} says no Run with a make target"


def test_every_setting_says_what_it_is():
    for name, section in Settings.model_fields.items():
        for key, setting in type(section.default).model_fields.items():
            assert setting.description, f"{name}.{key}"


def cells() -> list[str]:
    notebook = json.loads((ROOT / "docs" / "look-at-a-run.ipynb").read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] for cell in code)
    return ["".join(cell["source"]) for cell in code]


def test_the_notebook_draws_a_run_and_agrees_with_its_figures(tmp_path, monkeypatch):
    run = fabricate(tmp_path, women(normal=6, abnormal=6))
    candidates = pd.read_csv(run.candidates, dtype={"image_id": str})
    hits = candidates["row"] != 60  # where fabricated candidates miss
    candidates["finding_id"] = ("f-" + candidates["image_id"]).where(hits, "")
    candidates.to_csv(run.candidates, index=False)
    for image_id, points in pd.read_parquet(run.predictions).groupby("image_id"):
        grid = points.pivot(index="row_index", columns="col_index", values="probability").to_numpy()
        rows = points.groupby("row_index")["row"].first().to_numpy()
        cols = points.groupby("col_index")["col"].first().to_numpy()
        image_map = ImageMap(grid, grid, rows, cols, None)
        write_map(run.heatmaps / f"{image_id}.npz", image_map, key="")
    judged, settings = load_judged(run), load_settings(run).evaluate
    write_json(run.metrics, compute_metrics(judged, Bootstrap.of(judged, settings), settings, {}))
    write_lesions(judged, run.lesions)
    monkeypatch.setenv("RUN", str(run.root))
    monkeypatch.chdir(ROOT / "docs")
    monkeypatch.setattr(sys, "path", list(sys.path))
    matplotlib.use("Agg")
    names: dict = {}
    for cell in cells():
        exec(compile(cell, "look-at-a-run.ipynb", "exec"), names)
    for point in names["metrics"]["froc"]:
        allowed = names["fp_per_image"] <= point["fp_per_image"]
        assert names["sensitivity"][allowed].max() == pytest.approx(point["sensitivity"])
    assert 0 < names["metrics"]["froc"][0]["sensitivity"] < 1
    false_alarms = (candidates["finding_id"] == "").sum()
    assert names["fp_per_image"][-1] == pytest.approx(false_alarms / len(judged.images))
    for places, peak, size in zip(
        (names["rows"], names["cols"]), names["peak"], names["image"].shape, strict=True
    ):  # on the standard image, as the store has it
        assert np.diff(places) == pytest.approx(PITCH_PX)
        assert places.min() >= -1 and places.max() <= size
        assert 0 <= peak < size
    names["plt"].close("all")
