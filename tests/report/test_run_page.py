"""The report: complete in itself, honest about what is missing."""

import json
import os
import re
import shutil

import pytest

from pipeline.config import HeatmapSettings, MapSettings, Settings
from pipeline.heatmap.stage import heatmap
from pipeline.report.run_page import write_report
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from tests.heatmap.small_run import BrightnessNetwork, write_model_card, write_small_run
from tests.report.page_text import markup_of, text_of, viewer_data

FIGURE = {"value": 0.9012, "low": 0.85, "high": 0.95, "n": 1234}
METRICS = {
    "split": "test",
    "patch_auc": FIGURE,
    "image_auc": {"value": None, "low": None, "high": None, "n": 0, "reason": "no normal image"},
    "froc": [
        {"fp_per_image": 0.25, "sensitivity": 0.5, "low": 0.25, "high": 0.75, "reached": False}
    ],
    "baselines": {"position": {"value": 0.7651, "low": 0.7, "high": 0.8, "n": 1234}},
    "bootstrap": {"samples": 2000, "confidence": 0.95},
    "counts": {"patients": 40},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> RunFolder:
    """A run after heatmap, with two mammograms."""
    with pytest.MonkeyPatch.context() as patch:
        return mapped(tmp_path_factory.mktemp("small"), patch)


@pytest.fixture
def mapped_run(small, tmp_path) -> RunFolder:
    """One of its own; its files keep their times."""
    return RunFolder(shutil.copytree(small.root, tmp_path / small.root.name))


def mapped(tmp_path, monkeypatch, *, model: str = "", flips: int = 1, **changed) -> RunFolder:
    run = write_small_run(tmp_path, **changed)
    write_model_card(run, maps=MapSettings(flips=flips).model_dump(mode="json"))
    settings = Settings(heatmap=HeatmapSettings(min_region_mm2=1.0))
    remember(run, settings, Remembered("configs/mias.yaml", {}, model))
    heatmap(Stage(run, settings, EventLog(run, "heatmap")), mapper_of=BrightnessNetwork().of)
    return run


def page_of(run: RunFolder) -> str:
    write_report(run)
    return run.report.read_text(encoding="utf-8")


def test_the_page_needs_no_network_and_no_other_file(mapped_run):
    page = page_of(mapped_run)
    assert "http://" not in page and "https://" not in page
    assert not re.search(r"<(script|link|iframe|object)\b", markup_of(page))
    assert re.findall(r"url\(([^)]*)", page) == ["#grey-levels"] and "@import" not in page
    targets = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert len(targets) > 2
    beside = {"overlays/"}  # larger pictures, which the page does without
    assert all(target.startswith(("data:image/", "#")) for target in {*targets} - beside)
    assert "default-src 'none'" in page and "script-src 'sha256-" in page


def test_every_mammogram_is_shown_with_its_regions(mapped_run):
    page = page_of(mapped_run)
    assert re.findall(r'<li data-image="(\w+)">', page) == ["mirrored", "plain"]
    items = viewer_data(page)["items"]
    assert [len(item["maps"][0]["table"]) for item in items] == [1, 1]
    assert all(item["picture"].startswith("data:image/jpeg;base64,") for item in items)
    text = text_of(page)
    assert "The prior in use is 2.0 %" in text
    assert "known to be abnormal" in text


def test_the_best_candidate_comes_first(mapped_run):
    text = mapped_run.images.read_text()
    head, mirrored, plain = text.splitlines()
    columns = dict(zip(head.split(","), plain.split(","), strict=True))
    of_best = {"score": "99.5", "candidate_probability": "0.62", "probability": "0.999999"}
    higher = ",".join((columns | of_best).values())
    mapped_run.images.write_text("\n".join([head, mirrored, higher]) + "\n")
    page = page_of(mapped_run)
    assert re.findall(r'<li data-image="(\w+)">', page) == ["plain", "mirrored"]
    assert '<span class="probability">&gt;99.9 %</span>' in page
    assert re.findall(r"as a finding [\d.]+\s%", markup_of(page)) == ["as a finding 62\u00a0%"]


def test_an_empty_run_names_what_is_missing_and_how_to_get_it(tmp_path):
    text = text_of(page_of(RunFolder(tmp_path / "new")))
    for command in ("make preprocess", "make train", "make heatmap", "make evaluate"):
        assert command in text
    assert text.count("Not in this report:") == 1 and 'id="mammograms"' not in text


def test_results_are_shown_with_their_intervals_and_baselines(mapped_run):
    mapped_run.metrics.write_text(json.dumps(METRICS))
    text = text_of(page_of(mapped_run))
    assert "Positions: ROC AUC 0.901 0.850 to 0.950 1,234" in text
    assert "undefined: no normal image" in text
    assert "from the place in the breast alone 0.765 0.700 to 0.800" in text
    assert "0.25 0.500 * 0.250 to 0.750" in text
    assert "not judged yet" not in text


def test_results_of_older_maps_are_not_shown(mapped_run):
    mapped_run.metrics.write_text(json.dumps(METRICS))
    os.utime(mapped_run.metrics, (1, 1))
    text = text_of(page_of(mapped_run))
    assert "0.901" not in text
    assert "The figures of before are of other maps" in text


def test_a_run_with_the_model_of_another_says_so(tmp_path, monkeypatch):
    other = write_small_run(tmp_path / "there")
    run = mapped(tmp_path, monkeypatch, model=str(other.root))
    run.model_file.unlink()
    other.model_card.write_text("# Model card: there\n")
    page = page_of(run)
    assert 'href="../there/run/model-card.md"' in page and "<h3>Model card: there</h3>" in page
    text = text_of(page)
    assert f"the model was trained in {other.root}" in text
    assert "The model comes from elsewhere" in text


def test_names_from_outside_are_escaped(mapped_run):
    evil = "<script>alert(1)</script>"
    mapped_run.intake.write_text(f"file,status,reason\na.dcm,failed,{evil}\n")
    summary = json.loads(mapped_run.heatmap_summary.read_text()) | {"model": evil}
    mapped_run.heatmap_summary.write_text(json.dumps(summary))
    page = page_of(mapped_run)
    assert "<script" not in markup_of(page) and evil not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2


def test_only_a_phantom_is_called_synthetic(tmp_path, monkeypatch):
    assert "SYNTHETIC" not in page_of(mapped(tmp_path / "a", monkeypatch, dataset="mias"))
    assert "SYNTHETIC" in page_of(mapped(tmp_path / "b", monkeypatch, dataset="phantom"))


def test_it_says_once_that_it_is_no_medical_device(mapped_run):
    assert text_of(page_of(mapped_run)).count("medical device") == 1


def test_data_and_files_are_counted(mapped_run):
    mapped_run.intake.write_text(
        "file,status,reason\na.dcm,used,\nb.dcm,used,\nt.csv,skipped,not an image\n"
    )
    text = text_of(page_of(mapped_run))
    assert "used – 2" in text and "skipped not an image 1" in text
    assert "test 2 2 2 0 2" in text  # patients, mammograms, abnormal, normal, findings


def test_it_says_when_the_loss_rose_while_the_ranking_improved(mapped_run):
    history = mapped_run.model / "history.csv"
    history.write_text("step,validation_auc,validation_loss\n1,0.8,0.4\n2,0.9,0.5\n")
    assert "lowest earlier, at step 1 (0.4000 against 0.5000)" in text_of(page_of(mapped_run))
    history.write_text("step,validation_auc,validation_loss\n1,0.8,0.5\n2,0.9,0.4\n")
    assert "lowest earlier" not in text_of(page_of(mapped_run))


def test_the_curves_of_the_training_are_shown(mapped_run):
    assert 'alt="loss and validation AUC by step"' not in page_of(mapped_run)
    mapped_run.plots.mkdir(exist_ok=True)
    (mapped_run.plots / "training.svg").write_bytes(b"curves")
    assert 'base64,Y3VydmVz" alt="loss and validation AUC by step"' in page_of(mapped_run)


def test_regions_show_how_far_the_copies_of_the_map_differ(tmp_path, monkeypatch):
    page = page_of(mapped(tmp_path, monkeypatch, flips=4))
    text, data = text_of(page), viewer_data(page)
    assert "A map is the mean over 4 mirrored copies" in text
    assert "how far the copies of a map differ in uncertainty/" in text
    assert data["columns"][3] == "sd of log odds"
    assert [item["maps"][0]["table"][0]["cells"][3] for item in data["items"]] == ["0.50"] * 2


def test_with_one_copy_of_the_map_there_is_no_word_about_copies(mapped_run):
    text = text_of(page_of(mapped_run))
    assert "sd of log odds" not in text
    assert "mirrored copies" not in text


def test_the_same_files_give_the_same_page(mapped_run):
    assert page_of(mapped_run) == page_of(mapped_run)


def test_more_mammograms_than_a_page_holds_are_on_pages_of_their_own(mapped_run, monkeypatch):
    monkeypatch.setattr("pipeline.report.gallery.PER_PAGE", 1)
    page = page_of(mapped_run)
    assert re.findall(r'<li data-image="(\w+)">', page) == ["mirrored"]
    assert "2 mammograms are too many for one page" in text_of(page)
    assert '<a href="report/2.html">1 on page 2</a>' in page
    more = (mapped_run.report_pages / "2.html").read_text()
    assert re.findall(r'<li data-image="(\w+)">', more) == ["plain"]
    monkeypatch.setattr("pipeline.report.run_page.MOST_PAGES", 1)
    page = page_of(mapped_run)
    assert "The report shows 1 of 2 mammograms, those of the women with the" in text_of(page)
    assert '<a href="images.csv">' in page
    assert not mapped_run.report_pages.exists()
    monkeypatch.undo()
    assert "The report shows" not in text_of(page_of(mapped_run))
    assert not mapped_run.report_pages.exists()
