"""intake.html on small films: counts, pictures by reason, bounds."""

import html
import re

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.annotations.outlines import Circle, Outline
from pipeline.config import DataSettings, DicomSettings, Settings, StoreSettings
from pipeline.ingest.catalog import make_catalog
from pipeline.preprocess.accept import Accepted
from pipeline.preprocess.audit.outline_sanity import Quarantined
from pipeline.preprocess.intake.intake_csv import intake_table
from pipeline.preprocess.intake.intake_page import write_intake_page
from pipeline.preprocess.intake.thumbnails import HEIGHT_PX, plain_thumbnail, store_thumbnail
from pipeline.preprocess.store.entries import write_entry
from pipeline.preprocess.store.fill import Outcome
from pipeline.run.layout import RunFolder
from tests.dicom_samples import write_mammogram

GEOMETRY = {
    "original_height": 160,
    "original_width": 80,
    "height": 160,
    "width": 80,
    "row0": 0,
    "col0": 0,
    "row_scale": 1.0,
    "col_scale": 1.0,
    "flipped": False,
    "spacing_mm": 0.8,
}
INFO = {
    "geometry": GEOMETRY,
    "original_spacing_mm": 0.8,
    "spacing_source": "Imager Pixel Spacing",
    "window": "none",
    "polarity": "MONOCHROME2",
    "codec": "RLE",
    "low": 0.1,
    "high": 0.9,
}
AUDIT = {"findings": [{"level": "warning", "text": "The label shows <in> the background."}]}


def page(root, *, used=1, notes=None, left_out=(), quarantined=(), files=(), problem=""):
    """The page of so many images that are used and some that are not: (file, outcome)."""
    store = root / "store" / "entry"
    light = np.random.default_rng(3).integers(0, 65535, (160, 80), np.uint16)
    write_entry(store, image=light, breast=np.ones((20, 10), bool), info={})
    same = {"patient_id": "w1", "dataset": "dicom"}
    names = [f"u{i}" for i in range(used)]
    images = [{"image_id": n, "source": f"{n}.dcm", "file": f"/{n}.dcm", **same} for n in names]
    outcomes = {name: Outcome("used", store=str(store), info=INFO) for name in names}
    for index, (path, outcome) in enumerate(left_out):
        outcomes[f"x{index}"] = outcome
        row = {"image_id": f"x{index}", "source": f"x{index}.dcm", "file": str(path), **same}
        images.append(row)
    listed = [{"file": i["source"], "status": "candidate", "bytes": 1} for i in images]
    catalog = make_catalog(images, [], [*listed, *files])
    mammograms = pd.DataFrame([{"image_id": n, "source": f"{n}.dcm"} for n in names]).assign(
        **same,
        **INFO["geometry"],
        scanner="Maker",
        laterality="L",
        view="CC",
        split="train",
        outcome="normal",
        unlocated=False,
        store=str(store),
        pixel_sha256=names,
        original_spacing_mm=0.8,
        spacing_source="Imager Pixel Spacing",
        window="none",
        polarity="MONOCHROME2",
    )
    notes = notes or {}
    none = {n: [] for n in names}
    accepted = Accepted(mammograms, none, none, list(quarantined), notes, {}, [])
    run = RunFolder(root / "run")
    write_intake_page(
        run,
        catalog=catalog,
        outcomes=outcomes,
        table=intake_table(catalog, outcomes, split={}, notes=notes),
        accepted=accepted,
        audited=AUDIT,
        settings=Settings(
            data=DataSettings(importer="dicom", root=root, pseudonyms=False),
            store=StoreSettings(root=root / "store"),
            dicom=DicomSettings(workers=0),
        ),
        problem=problem,
    )
    return run.intake_page.read_text()


def pictures(text):
    """Captions of the pictures that are shown."""
    return [
        html.unescape(c) for c in re.findall(r'<img src="data:image/jpeg[^"]+" alt="([^"]*)"', text)
    ]


def test_the_counts_on_the_page_add_up(tmp_path):
    files = [
        {"file": "a.txt", "status": "skipped", "reason": "not DICOM", "bytes": 1},
        {"file": "b.dcm", "status": "failed", "reason": "cut off", "bytes": 1},
    ]
    text = page(tmp_path, used=3, files=files)
    assert "5 files = 3 used + 1 skipped + 1 failed" in text
    assert "Lost, that is failed / (used + failed): 25 %" in text


def test_the_page_needs_no_other_file_and_escapes_what_it_shows(tmp_path):
    text = page(tmp_path, notes={"u0": ["<script>alert(1)</script>"]})
    assert "The label shows &lt;in&gt; the background." in text
    assert "<script" not in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)


def test_images_with_a_note_are_shown_by_kind_of_note(tmp_path):
    text = page(
        tmp_path, used=3, notes={"u0": ["breast of only 12 cm2"], "u2": ["breast of only 9 cm2"]}
    )
    assert "<h3>breast of only … cm2 (2)</h3>" in text
    assert "u0 L CC: breast of only 12 cm2" in pictures(text)


def test_a_skipped_image_is_shown_below_its_reason_where_it_can_be_decoded(tmp_path):
    pixels = np.arange(6400, dtype=np.uint16).reshape(80, 80)
    shown = write_mammogram(tmp_path / "ml.dcm", pixels, ViewPosition="ML")
    torn = tmp_path / "torn.dcm"
    torn.write_bytes(shown.read_bytes()[:2000])
    left_out = [
        (shown, Outcome("skipped", "view ML (dicom.views)", file_sha256="1")),
        (torn, Outcome("failed", "Pixel Data is cut off", file_sha256="2")),
    ]
    text = page(tmp_path, left_out=left_out)
    assert "<h3>skipped: view ML (dicom.views) (1)</h3>" in text
    assert "x0.dcm" in pictures(text)
    assert "x1.dcm" not in pictures(text)
    assert "<li>x1.dcm</li>" in text
    # Failures, which want mending, come first.
    assert text.index("failed: Pixel Data") < text.index("skipped: view ML")


def test_what_was_left_out_is_decoded_once(tmp_path):
    pixels = np.arange(6400, dtype=np.uint16).reshape(80, 80)
    file = write_mammogram(tmp_path / "ml.dcm", pixels, ViewPosition="ML")
    left_out = [(file, Outcome("skipped", "view ML", file_sha256="1"))]
    first = page(tmp_path, left_out=left_out)
    file.unlink()
    assert page(tmp_path, left_out=left_out) == first


def test_a_file_that_its_worker_did_not_survive_is_not_tried_again(tmp_path):
    file = write_mammogram(tmp_path / "bomb.dcm", np.arange(64, dtype=np.uint16).reshape(8, 8))
    text = page(tmp_path, left_out=[(file, Outcome("failed", "it died"))])
    assert "<li>x0.dcm</li>" in text


def test_quarantined_outlines_are_listed_with_their_reason(tmp_path):
    text = page(tmp_path, quarantined=[Quarantined("u0", "f1", "mass", "benign", "outside")])
    assert "<td>f1</td><td>mass</td><td>benign</td>" in text
    assert "outside</td>" in text


def test_drawn_mammograms_say_so(tmp_path):
    files = [{"file": "set/SYNTHETIC.txt", "status": "skipped", "reason": "text", "bytes": 1}]
    assert "SYNTHETIC: these are no patients" in page(tmp_path, files=files)
    assert "SYNTHETIC" not in page(tmp_path)


def test_why_the_run_stops_is_on_top(tmp_path):
    assert "The run stops here.</b> Too much was lost" in page(
        tmp_path, problem="Too much was lost"
    )


def test_many_images_keep_the_page_small(tmp_path):
    notes = {f"u{i}": [f"{'abcdefghijklmnopqrstuvwxyz'[i % 26]} doubt"] for i in range(400)}
    out = [Quarantined(f"u{i}", f"f{i}", "mass", "benign", "outside") for i in range(400)]
    text = page(tmp_path, used=400, notes=notes, quarantined=out)
    assert len(pictures(text)) == 24 + 16 * 6
    assert "and 300 more" in text
    assert len(text) < 3_000_000


def test_a_thumbnail_is_small_and_marks_the_edge_of_the_breast(tmp_path):
    store = tmp_path / "entry"
    breast = np.zeros((50, 30), bool)
    breast[10:40, :15] = True
    image = np.full((400, 240), 30000, np.uint16)
    write_entry(store, image=image, breast=breast, info={})
    row = GEOMETRY | {"store": str(store), "height": 400, "width": 240}
    picture = cv2.imdecode(np.frombuffer(store_thumbnail(row, []), np.uint8), 1).astype(int)
    assert picture.shape == (HEIGHT_PX, 120, 3)
    green = picture[..., 1] - picture[..., 2] > 25
    assert np.flatnonzero(green[100])[-1] == pytest.approx(58, abs=2)
    assert not green[:30].any()


def test_a_quarantined_outline_is_drawn_in_red(tmp_path):
    store = tmp_path / "entry"
    write_entry(
        store, image=np.zeros((160, 80), np.uint16), breast=np.zeros((20, 10), bool), info={}
    )
    outline = Outline("f", "mass", "benign", True, Circle(80.0, 40.0, 25.0))
    row = GEOMETRY | {"store": str(store)}

    def colour(**options):
        jpeg = np.frombuffer(store_thumbnail(row, [outline], **options), np.uint8)
        return cv2.imdecode(jpeg, 1).reshape(-1, 3).max(axis=0).astype(int)

    _, green, red = colour(wrong=["f"])
    assert red > 150 > green + 20
    _, green, red = colour()
    assert min(red, green) > 100


def test_an_even_picture_has_a_thumbnail_too():
    assert plain_thumbnail(np.zeros((10, 400), np.float32))[:2] == b"\xff\xd8"
