import json
import re
from pathlib import Path

import pytest

from pipeline.checkup.cloud_costs import (
    CUT,
    MAPPED,
    TRAINED,
    Costs,
    Work,
    cloud_costs_markdown,
    gpu_row,
    hours_of,
    work_of,
)
from pipeline.config import ImageSettings, MapSettings, Settings, TrainSettings

DOCS = Path(__file__).parents[2] / "docs"
GPU = {TRAINED: 0.3, MAPPED: 0.1, CUT: 3.0}
# Of a crop of 448 px, which is 0.2007 megapixels.
WORK = Work(files=720, crops=0.200704 * 3600, left_out=3600, tested=(7200, 14400), film=0.200704)
COSTS = Costs(preprocess=10, megapixels=2, pictures=2, read=0.2)


def test_the_page_is_current():
    assert (DOCS / "cloud-costs.md").read_text() == cloud_costs_markdown(DOCS), "run make docs"


def test_the_hours_of_a_machine_are_those_of_a_hand_calculation():
    hours = hours_of(WORK, GPU, COSTS, cores=4, share=0.5)
    assert hours.preprocess == pytest.approx(720 / 2 * 10 / 4 / 3600)
    # A crop takes the GPU 0.6 s and four cores 0.75 s; a map 0.2 s and its reading 0.2 s.
    assert hours.train == pytest.approx(0.75 + 0.4)
    assert hours.maps == pytest.approx(4 * 0.4 + 1)
    assert hours.all == pytest.approx(0.25 + 1.15 + 2.6)
    assert (hours.gpu_crops, hours.core_crops) == pytest.approx((0.5 / 0.3, 4 / 3))
    # With many cores it is the GPU that one waits for.
    assert hours_of(WORK, GPU, COSTS, cores=40, share=0.5).train == pytest.approx(0.6 + 0.4)


def test_the_work_of_a_data_set_follows_its_settings():
    settings = Settings(
        image=ImageSettings(spacing_mm=0.2),
        train=TrainSettings(epochs=2, steps_per_epoch=5, batch=3, members=4, crop_mm=40),
        maps=MapSettings(flips=2, zooms=(1.0, 2.0)),
    )
    work = work_of(settings, 100, {"pixel_mm": 0.1, "test_share": 0.2}, [10, 20])
    assert work.files == pytest.approx(100 * 1000 * 2000 / 1e6)
    assert work.film == pytest.approx(500 * 1000 / 1e6)
    assert work.crops == pytest.approx(2 * 5 * 3 * 4 * 200**2 / 1e6)
    assert work.left_out == pytest.approx(80 * (2 + 2 * 5))
    assert work.tested == pytest.approx((20, 20 * 4 * 10))
    nothing = work_of(settings, 100, {"pixel_mm": 0.1, "test_share": 1}, [10, 20])
    assert (nothing.crops, nothing.left_out) == (0, 0)


def test_a_price_of_the_user_takes_the_place_of_ours(tmp_path):
    given = json.loads((DOCS / "results" / "cloud.json").read_text())
    given["machines"] = [{"gpu": "T4", "machine": "ours", "cores": 2, "price": 0, "spot": None}]
    (tmp_path / "docs" / "results").mkdir(parents=True)
    (tmp_path / "configs").symlink_to(DOCS.parent / "configs")
    (tmp_path / "docs" / "results" / "cloud.json").write_text(json.dumps(given))
    for name in ("data-sets.md", "results/bench.json"):
        (tmp_path / "docs" / name).symlink_to(DOCS / name)
    page = cloud_costs_markdown(tmp_path / "docs")
    lines = [line for line in page.splitlines() if line.startswith("| T4: ours | 2 |")]
    assert len(lines) == 3 and all(" | 0 |  | " in line for line in lines)
    for line in lines:  # from the higher share of the roof to the lower one
        least, most = re.search(r"\*\*([\d.]+) to ([\d.]+)\*\*", line).groups()
        assert 1 < float(most) / float(least) <= 0.5 / 0.15
    assert "Estimates: no GPU was measured" in page


def test_the_gpus_of_the_task_file_are_in_the_table():
    task = (DOCS.parent / "cloud" / "train.yaml").read_text()
    rented = task.partition("accelerators: {")[2].partition("}")[0]
    known = {
        each["gpu"] for each in json.loads((DOCS / "results/cloud.json").read_text())["machines"]
    }
    measured = {row["name"] for row in json.loads((DOCS / "results/bench.json").read_text())}
    assert {each.split(":")[0] for each in rented.split(", ")} <= known
    assert {gpu_row(gpu) for gpu in known} <= measured
