"""The store is filled once for all runs, and what a file is decides again each time."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.config import DataSettings, DicomSettings, ImageSettings, Settings, StoreSettings
from pipeline.preprocess.store.entries import entry_files, read_image
from pipeline.preprocess.store.fill import Job, Outcome, fill_entry, fill_store
from tests.dicom_samples import write_mammogram
from tests.preprocess.four_women import film

ANY = {"modalities": "any", "views": "any", "for_processing": True}


def images(root, **views):
    rows = [
        {"image_id": name, "view": view, "file": str(root / "absent.dcm"), "spacing_mm": None}
        for name, view in views.items()
    ]
    return pd.DataFrame(rows)


def job(file: Path, **dicom) -> Job:
    return Job(
        str(file), 0.8, ImageSettings(spacing_mm=0.8), DicomSettings(**dicom), file.parent / "store"
    )


def write_film(folder: Path, **tags) -> Path:
    return write_mammogram(
        folder / "a.dcm", film(1), BitsStored=12, ImagerPixelSpacing=[0.8, 0.8], **tags
    )


@pytest.mark.parametrize(
    ("views", "skipped"),
    [(("CC", "MLO"), {"a"}), (("CC", "MLO", "FB"), set()), ("any", set())],
)
def test_a_view_that_only_the_catalog_names_is_judged_like_one_in_the_file(
    tmp_path, views, skipped
):
    settings = Settings(
        store=StoreSettings(root=tmp_path / "store"), dicom=DicomSettings(views=views, workers=0)
    )
    outcomes = fill_store(images(tmp_path, a="FB", b="MLO", c=""), settings)
    assert set(outcomes) == {"a", "b", "c"}
    reasons = {name for name, o in outcomes.items() if o.reason == "view FB (dicom.views)"}
    assert reasons == skipped
    assert all(outcomes[name].status == "skipped" for name in skipped)


@pytest.mark.parametrize(
    "tags",
    [
        {"Modality": "CR"},
        {"PresentationIntentType": "FOR PROCESSING"},
        {"ViewPosition": "ML"},
        {"ImageType": ["DERIVED", "PRIMARY", "SPECIMEN"]},
    ],
)
def test_a_file_that_is_in_the_store_is_refused_as_one_that_is_not(tmp_path, tags):
    file = write_film(tmp_path, **tags)
    unknown = fill_entry(job(file))
    assert unknown.status == "skipped"
    assert fill_entry(job(file, **ANY)).status == "used"
    assert fill_entry(job(file)) == unknown


def test_a_size_limit_is_asked_of_what_is_in_the_store_too(tmp_path):
    large = np.kron(film(1), np.ones((6, 6), np.uint16))
    file = write_mammogram(tmp_path / "a.dcm", large, BitsStored=12)
    assert fill_entry(job(file)).status == "used"
    refused = fill_entry(job(file, max_megapixels=1))
    assert (refused.status, refused.reason) == (
        "failed",
        "1 megapixels, the limit is dicom.max_megapixels",
    )


def test_a_set_has_its_own_grey_values_and_shares_its_entries_with_no_other(tmp_path):
    """The film, once as it is and once as a negative, which only the setting of its set turns."""
    for name, pixels in (("plain", film(1)), ("negative", 4095 - film(1))):
        (tmp_path / name).mkdir()
        tags = {"BitsStored": 12, "ImagerPixelSpacing": [0.8, 0.8]}
        write_mammogram(tmp_path / name / "a.dcm", pixels, **tags)
    table = pd.DataFrame(
        {"image_id": f"{name}-a", "source": f"{name}/a.dcm", "view": "", "spacing_mm": None}
        | {"file": str(tmp_path / name / "a.dcm")}
        for name in ("plain", "negative")
    )

    def filled(polarity):
        sets = [
            {"importer": "dicom", "name": "plain", "root": tmp_path / "plain"},
            {"importer": "dicom", "name": "negative", "root": tmp_path / "negative"}
            | {"polarity": polarity},
        ]
        settings = Settings(
            data=DataSettings(importer="combined", sets=sets, pseudonyms=False),
            store=StoreSettings(root=tmp_path / "store"),
            dicom=DicomSettings(workers=0, polarity="header"),
        )
        return fill_store(table, settings)

    before, after = filled(None), filled("reversed")
    assert after["plain-a"].store == before["plain-a"].store
    assert after["negative-a"].store != before["negative-a"].store
    plain, turned = (read_image(after[f"{name}-a"].store) for name in ("plain", "negative"))
    assert np.abs(plain.astype(int) - turned).max() < 20  # of 65535


def test_a_mammogram_whose_breast_may_be_cut_is_lost_unless_the_setting_takes_it(tmp_path):
    rows, cols = np.mgrid[:200, :160]
    # Far from any chest wall.
    pixels = np.where(np.hypot(rows - 100, cols - 80) < 60, 2000 + rows, 0)
    file = write_mammogram(
        tmp_path / "a.dcm", pixels.astype(np.uint16), BitsStored=12, ImagerPixelSpacing=[0.8, 0.8]
    )
    left_out, taken = fill_entry(job(file)), fill_entry(job(file, doubtful_breast="use"))
    doubt = "the breast hardly reaches the film's edge at the chest wall"
    assert (left_out.status, left_out.reason) == ("failed", f"{doubt} (dicom.doubtful_breast)")
    assert taken.status == "used"
    assert doubt in taken.info["notes"]
    assert fill_entry(job(file)) == left_out  # also from the store


def test_what_is_taken_from_the_store_is_not_decoded_again(tmp_path):
    file = write_film(tmp_path, ViewPosition="CC")
    first = fill_entry(job(file))
    written = entry_files(first.store)[0].stat().st_mtime_ns
    assert fill_entry(job(file, **ANY, max_megapixels=7)) == first
    assert entry_files(first.store)[0].stat().st_mtime_ns == written


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_damaged_entry_is_made_anew_and_told(tmp_path, capsys, part):
    file = write_film(tmp_path, ViewPosition="CC")
    first = fill_entry(job(file))
    harmed = entry_files(first.store)[part]
    whole = harmed.read_bytes()
    harmed.write_bytes(whole[:-20])
    assert fill_entry(job(file)) == first
    assert harmed.read_bytes() == whole
    assert f"{harmed} is not as it was written: made anew" in capsys.readouterr().out


def test_what_many_outcomes_say_alike_is_in_memory_once():
    infos = [json.loads('{"codec": "JPEG lossless", "geometry": {"row0": 1}}') for _ in range(2)]
    one, other = (pickle.loads(pickle.dumps(Outcome("used", info=info))).info for info in infos)
    assert one == infos[0]
    assert one["codec"] is other["codec"]
    assert next(iter(one["geometry"])) is next(iter(other["geometry"]))
