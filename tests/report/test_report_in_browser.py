"""The report as a reader has it: in Chromium, from disk and in the frame of MLflow."""

import json
import os
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.figures.registry import METRICS
from pipeline.model.image_map import read_map
from pipeline.pages.template import render
from pipeline.report.gallery import MappedRun, gallery_page
from pipeline.run.layout import RunFolder
from pipeline.run.words import percent
from pipeline.studies import compare
from tests.heatmap.small_run import MARK, OUTLINE
from tests.report.page_text import viewer_data
from tests.report.test_run_page import mapped, page_of

CHROMIUM = "/usr/bin/chromium"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
DRAWN = "#panels[aria-busy=false]"
CARD = """# Model card

| | value |
|---|---|
| temperature | 0.8 |

- **For:** <i>research</i>
"""
# As MLflow shows a page: a frame without an origin, and so without storage.
FRAME = """page => {
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  frame.style = "width: 1200px; height: 900px";
  frame.src = URL.createObjectURL(new Blob([page], { type: "text/html" }));
  document.body.append(frame);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not shutil.which(CHROMIUM) and "CI" not in os.environ:
        pytest.skip(f"{CHROMIUM} is not there: install Debian's package chromium to look at pages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            timeout=120_000,
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunFolder:
    """Two mammograms of one woman, one mirrored."""
    with pytest.MonkeyPatch.context() as patch:
        run = mapped(tmp_path_factory.mktemp("browser"), patch, patient_id="woman")
    run.model_card.write_text(CARD)
    page_of(run)
    return run


@pytest.fixture
def page(browser, run) -> Iterator[Page]:
    page = opened(browser, run)
    yield page
    page.close()


def opened(browser: Browser, run: RunFolder, *, width: int = 1200, scheme="light") -> Page:
    """The report from disk; whatever the console says is a failure."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("console", lambda message: pytest.fail(f"the console says: {message.text}"))
    page.on("pageerror", lambda error: pytest.fail(f"the script fails: {error}"))
    page.goto(run.report.as_uri())
    return page


def look_at(page, image_id: str) -> None:
    page.click(f"#gallery li[data-image={image_id}] button")
    page.wait_for_selector(DRAWN)


def panel(page: Page) -> np.ndarray:
    """What the first panel shows, (h, w, 3) int."""
    page.wait_for_selector(DRAWN)
    shown = page.locator("#panels figure").first.screenshot()
    return np.array(Image.open(BytesIO(shown)).convert("RGB")).astype(int)


def coloured(picture: np.ndarray) -> int:
    return int((picture.max(axis=-1) - picture.min(axis=-1) > 40).sum())


@pytest.mark.parametrize("image_id", ["plain", "mirrored"])
def test_the_pointer_reads_the_probability_of_the_map(page, run, image_id):
    look_at(page, image_id)
    page.click("#viewer-regions button")
    box = page.locator("#panels canvas").last.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    item = next(i for i in viewer_data(run.report.read_text())["items"] if i["id"] == image_id)
    at = item["maps"][0]["table"][0]
    image_map = read_map(run.heatmap(image_id))
    nearest = [
        int(np.abs(axis - at[name]).argmin())
        for axis, name in ((image_map.rows, "row"), (image_map.cols, "col"))
    ]
    expected = percent(float(image_map.probability[tuple(nearest)]))
    assert page.inner_text("#pointer-probability") == expected
    millimetres = (at["row"] + 0.5) * 0.1
    assert f"{millimetres:.1f} mm from the top" in page.inner_text("#pointer-place")


@pytest.mark.parametrize("image_id", ["plain", "mirrored"])
def test_outlines_lie_where_the_truth_is(page, run, image_id):
    look_at(page, image_id)
    page.uncheck("[data-shows=heat]")
    page.uncheck("[data-shows=regions]")
    red, green, blue = np.moveaxis(panel(page), -1, 0)
    places = np.argwhere((green - red > 100) & (green - blue > 40))
    item = next(i for i in viewer_data(run.report.read_text())["items"] if i["id"] == image_id)
    top, bottom, left, right = item["field"]
    height, width = red.shape
    scale = min(height / (bottom - top), width / (right - left))
    middle = np.array([height, width]) / 2
    expected = middle + scale * (np.array(MARK) - [(top + bottom) / 2, (left + right) / 2])
    ends = places.min(axis=0), places.max(axis=0)
    np.testing.assert_allclose(np.mean(ends, axis=0), expected, atol=3)
    radius = OUTLINE.circle.radius * scale
    np.testing.assert_allclose((ends[1] - ends[0]) / 2, radius, atol=4)
    page.uncheck("[data-shows=truth]")
    assert coloured(panel(page)) == 0


def test_sliders_change_the_heatmap_and_the_grey_levels(page):
    look_at(page, "plain")
    page.uncheck("[data-shows=truth]")
    page.uncheck("[data-shows=regions]")
    full = panel(page)
    page.fill("#opacity", "0")
    plain = panel(page)
    assert coloured(full) > 500 and coloured(plain) == 0
    page.fill("#level", "80")
    assert panel(page).mean() < plain.mean() - 5
    page.click("[data-do=grey]")
    assert np.abs(panel(page) - plain).mean() < 1


def test_orders_and_filters_choose_what_the_gallery_shows(browser, run, tmp_path):
    text = run.report.read_text(encoding="utf-8")
    data = viewer_data(text)
    values = {"score": (2, 1), "miss": (None, -3), "alarm": (1, None), "doubt": (0.1, 0.2)}
    for name, of in values.items():
        for item, value in zip(data["items"], of, strict=True):
            item[name] = value
    data["items"][1]["outcome"] = "normal"
    start = text.index('id="viewer-data">') + len('id="viewer-data">')
    end = text.index("</script>", start)
    (tmp_path / "report.html").write_text(text[:start] + json.dumps(data) + text[end:])
    page = opened(browser, RunFolder(tmp_path))

    def shown():
        return page.eval_on_selector_all("#gallery li", "all => all.map(x => x.dataset.image)")

    first, second = (item["id"] for item in data["items"])
    for order, expected in (
        ("miss", [second, first]),
        ("alarm", [first, second]),
        ("doubt", [second, first]),
        ("score", [first, second]),
    ):
        page.select_option("#order", order)
        assert shown() == expected
    assert page.locator("[data-filter]").count() == 1  # of what all have there is no filter
    page.select_option("[data-filter=kinds]", "mass")
    assert shown() == [first, second]
    page.evaluate("document.querySelector('[data-filter]').dataset.filter = 'outcome'")
    page.evaluate("document.querySelector('[data-filter] option:last-child').value = 'normal'")
    page.select_option("[data-filter]", "normal")
    assert shown() == [second] and page.inner_text("#count") == "1 of 2 mammograms"
    page.close()


def test_breasts_stand_side_by_side_and_keys_work(page):
    look_at(page, "plain")
    page.keyboard.press("4")
    # Chest walls in the middle: that of the mirrored one is at its right.
    captions = page.locator("#panels figcaption").all_inner_texts()
    assert [caption.split()[0] for caption in captions] == ["mirrored", "plain"]
    page.keyboard.press("1")
    assert page.locator("#panels figure").count() == 1
    before = page.inner_text("#viewer-title")
    page.keyboard.press("n")
    assert page.inner_text("#viewer-title") != before
    page.keyboard.press("h")
    assert not page.is_checked("[data-shows=heat]")
    page.keyboard.press("Shift+ArrowDown")
    assert "%" in page.inner_text("#pointer-probability")
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()


def test_two_models_show_their_maps_of_one_mammogram_side_by_side(browser, run, tmp_path):
    runs = [MappedRun(run, "runs/a"), MappedRun(run, "runs/b")]
    figure = {"value": 0.9, "low": 0.8, "high": 0.95, "n": 2}
    content = {
        "runs": ["runs/a", "runs/b"],
        "images": 2,
        "patients": 1,
        "difference": "first minus second",
        "figures": {"patch_auc": {"first": figure, "second": figure, "difference": figure}},
    }
    shown = gallery_page(runs, ["plain", "mirrored"])
    (tmp_path / "compare.html").write_text(
        render(
            compare.PAGE,
            content=content,
            metrics=METRICS,
            synthetic=False,
            gallery=shown,
            left_out=0,
        )
    )
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.on("pageerror", lambda error: pytest.fail(f"the script fails: {error}"))
    page.goto((tmp_path / "compare.html").as_uri())
    look_at(page, "plain")
    captions = page.locator("#panels figcaption").all_inner_texts()
    assert [caption.split()[-1] for caption in captions] == ["runs/a", "runs/b"]
    assert page.locator("#viewer-regions button").all_inner_texts() == ["runs/a: 1", "runs/b: 1"]
    page.close()


def test_it_works_in_the_frame_that_mlflow_shows_it_in(browser, run):
    outer = browser.new_page(viewport={"width": 1300, "height": 1000})
    outer.on("console", lambda message: pytest.fail(f"the console says: {message.text}"))
    outer.on("pageerror", lambda error: pytest.fail(f"the script fails: {error}"))
    outer.evaluate(FRAME, run.report.read_text(encoding="utf-8"))
    frame = outer.frame_locator("iframe")
    frame.locator("#theme").click()
    assert frame.locator("html").get_attribute("data-theme") == "dark"
    frame.locator("#gallery button").first.click()
    assert frame.locator("#viewer").is_visible()
    # Other files of the run are not beside it there: their names stay, and no link to nowhere.
    assert frame.locator("a:not([href^='#'])").count() == 0
    assert "overlays/" in frame.locator("#mammograms").inner_text()
    outer.close()


def test_the_model_card_is_read_where_its_link_leads(page):
    table = page.locator("#card td", has_text="temperature").first
    assert not table.is_visible()
    page.click("nav a[href='#card']")
    assert table.is_visible()
    assert page.locator("#card a[href='model-card.md']").is_visible()
    assert page.inner_text("#card li") == "For: <i>research</i>"  # what is HTML in it stays text


def test_a_narrow_screen_scrolls_down_only(browser, run):
    page = opened(browser, run, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for summary in page.locator("section > details > summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    look_at(page, "plain")
    assert page.evaluate("document.getElementById('viewer').scrollWidth") <= 390
    page.close()


def test_a_page_with_a_long_word_scrolls_down_only(browser, tmp_path):
    place = tmp_path / "page.html"
    style = Path("pipeline/pages/style.css").read_text()
    place.write_text(f"<style>{style}</style><p>Commit {'a' * 64}, of today</p>")
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(place.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser, run, scheme):
    page = opened(browser, run, scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    look_at(page, "plain")
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
    page.close()


def test_no_browser_runs_another_script_on_the_page(browser, tmp_path):
    template = tmp_path / "evil.html"
    template.write_text(
        '{% extends "base.html" %}{% set works = true %}'
        "{% block main %}<script>document.title = 'run'</script>{% endblock %}"
    )
    page = browser.new_page()
    (tmp_path / "page.html").write_text(render(template))
    page.goto((tmp_path / "page.html").as_uri())
    assert page.title() != "run"
    page.close()
