"""The audits say loudly what spoils the figures, and nothing where nothing does."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.outlines import Circle, Outline
from pipeline.preprocess.audit import predictable
from pipeline.preprocess.audit.audit import audit
from pipeline.preprocess.audit.background import BACKGROUND_KEYS
from pipeline.preprocess.audit.outline_sanity import Quarantined, outline_problems
from pipeline.preprocess.audit.question import question_of
from pipeline.preprocess.store.entries import write_entry
from tests.heatmap.small_run import mammogram_row


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch):
    monkeypatch.setattr(predictable, "SAMPLES", 100)


def women(count=60, **changed) -> pd.DataFrame:
    """Two images of each woman, those of every second one abnormal without an outline."""
    rows = [
        mammogram_row(
            f"w{i:03d}{side}",
            "",
            patient_id=f"w{i:03d}",
            outcome=("normal", "abnormal")[i % 2],
        )
        for i in range(count)
        for side in "LR"
    ]
    return pd.DataFrame(rows).assign(**changed)


def backgrounds(mammograms: pd.DataFrame, *, told: float) -> dict[str, dict[str, float]]:
    """Random statistics; `told` of the darkness of the air is whether the image is abnormal."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(len(mammograms), len(BACKGROUND_KEYS))))
    table.columns = BACKGROUND_KEYS
    table["air_q50"] += 3 * told * (mammograms["outcome"].to_numpy() == "abnormal")
    table["air_known"] = 1.0
    return dict(zip(mammograms["image_id"], table.to_dict("records"), strict=True))


def warnings(found: dict) -> list[str]:
    return [finding["text"] for finding in found["findings"] if finding["level"] == "warning"]


def audit_of(mammograms, outlines=None, *, told=0.0) -> dict:
    return audit(mammograms, outlines or {}, backgrounds(mammograms, told=told))


def test_a_background_that_tells_the_label_is_said_loudly():
    found = audit_of(women(), told=1.0)
    (text,) = warnings(found)
    assert text.startswith("SHORTCUT: abnormal and normal images are told apart by the air")
    assert found["shortcut"]["auc"]["low"] > 0.5
    assert found["findings"][0]["text"] == text


def test_a_background_that_tells_nothing_gives_no_warning():
    found = audit_of(women())
    assert warnings(found) == []
    assert found["findings"][0]["text"].startswith("No shortcut found")
    assert found["shortcut"]["auc"]["low"] < 0.5 < found["shortcut"]["auc"]["high"]


def test_it_is_json_with_the_counts_of_the_question():
    found = json.loads(json.dumps(audit_of(women()), allow_nan=False))
    asked = {k: found["shortcut"][k] for k in ("question", "patients", "positive", "negative")}
    assert asked == {
        "question": "abnormal against normal",
        "patients": 60,
        "positive": 60,
        "negative": 60,
    }


def test_images_without_air_do_not_count_as_dark():
    mammograms = women()
    known = backgrounds(mammograms, told=0.0)
    for row in mammograms.itertuples():
        if row.outcome == "abnormal":
            known[row.image_id] = dict.fromkeys(BACKGROUND_KEYS, 0.0) | {
                key: known[row.image_id][key] for key in ("height_px", "width_px", "aspect")
            }
            known[row.image_id]["spacing_mm"] = known["w000L"]["spacing_mm"]
    found = audit(mammograms.assign(scanner="x"), {}, known)
    assert found["shortcut"]["auc"]["low"] < 0.5


def test_a_scanner_that_tells_the_label_is_named_with_its_interval():
    mammograms = women()
    scanner = np.where(mammograms["outcome"] == "abnormal", "new", "old")
    scanner[:20] = "both"
    texts = warnings(audit_of(mammograms.assign(scanner=scanner)))
    assert any("told apart by the scanner alone with an AUC of" in text for text in texts)
    assert any("The scanner new has abnormal images only (50 of 25 patients)" in t for t in texts)
    assert any("The scanner old has normal images only (50 of 25 patients)" in t for t in texts)
    assert not any("both" in text for text in texts)


def test_a_small_site_with_one_kind_only_is_no_warning():
    mammograms = women()
    site = np.where(mammograms["patient_id"] == "w001", "small", "large")
    found = audit_of(mammograms.assign(site=site))
    assert warnings(found) == []
    assert any("The site small has abnormal images only" in f["text"] for f in found["findings"])


def test_a_source_without_a_name_is_called_so():
    (rows,) = (s["rows"] for s in audit_of(women(site=""))["sources"] if s["source"] == "site")
    assert [row["name"] for row in rows] == ["(not named)"]


def outline(pathology, *, positive=True, row=100.0) -> Outline:
    return Outline("f", "mass", pathology, positive, Circle(row, 120.0, 10.0))


def test_where_no_image_is_normal_malignant_is_compared_with_benign():
    mammograms = women(outcome="abnormal")
    pathology = ["malignant" if i % 4 < 2 else "benign_without_callback" for i in range(120)]
    outlines = {i: [outline(p)] for i, p in zip(mammograms["image_id"], pathology, strict=True)}
    question = question_of(mammograms, outlines)
    assert (question.positive, question.negative) == ("malignant", "benign")
    assert question.images["label"].tolist() == [int(p == "malignant") for p in pathology]


def test_an_image_whose_findings_do_not_count_is_neither():
    mammograms = women()
    outlines = {"w001L": [outline("benign", positive=False)], "w003L": [outline("benign")]}
    asked = question_of(mammograms, outlines).images.set_index("image_id")["label"]
    assert "w001L" not in asked
    assert asked["w003L"] == 1
    assert len(asked) == 119


def test_data_of_one_kind_are_not_searched_and_say_why():
    found = audit_of(women(outcome="unknown"))
    assert warnings(found) == []
    assert found["findings"][0]["text"] == (
        "No search for shortcuts, abnormal against normal: 0 patients with normal images, at least "
        "10 are needed."
    )


def test_without_any_image_there_is_nothing_to_say_but_that():
    found = audit_of(women().iloc[:0])
    assert [finding["level"] for finding in found["findings"]] == ["info"]
    assert found["shortcut"]["patients"] == 0


def test_an_outline_beside_the_breast_is_a_warning_that_names_it(tmp_path):
    breast = np.zeros((13, 10), bool)
    breast[:8] = True
    write_entry(tmp_path / "s", image=np.zeros((100, 80), np.uint16), breast=breast, info={})
    mammograms = women().assign(store=str(tmp_path / "s"))
    outlines = {"w001L": [outline("malignant")], "w003L": [outline("malignant", row=230.0)]}
    wrong = outline_problems(mammograms.set_index("image_id").loc["w003L"], outlines["w003L"])
    out = [Quarantined("w003L", "f", "mass", "malignant", wrong["f"])]
    found = audit(mammograms, outlines, backgrounds(mammograms, told=0.0), out)
    assert found["labels"]["outlines"] == 2
    assert [finding["level"] for finding in found["findings"]] == ["warning", "info"]
    assert found["labels"]["problems"] == [
        {
            "image_id": "w003L",
            "finding_id": "f",
            "problem": "lies outside the breast (0 % of it inside); with rows counted from the "
            "bottom it would lie in it",
        }
    ]
    assert warnings(found) == [
        "1 of 2 outlines cannot be right and are not used: f: lies outside the breast (0 % of it "
        "inside); with rows counted from the bottom it would lie in it."
    ]


def test_the_order_of_the_rows_does_not_matter():
    mammograms = women()
    known = backgrounds(mammograms, told=0.3)
    assert audit(mammograms, {}, known) == audit(mammograms.iloc[::-1], {}, known)
    asked = question_of(mammograms.iloc[::-1], {}).images["image_id"]
    assert asked.tolist() == mammograms["image_id"].tolist()
