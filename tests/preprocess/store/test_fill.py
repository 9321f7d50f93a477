import pandas as pd
import pytest

from pipeline.config import DicomSettings, Settings, StoreSettings
from pipeline.preprocess.store import fill as standardising


def images(root, **views):
    rows = [
        {"image_id": name, "view": view, "file": str(root / "absent.dcm"), "spacing_mm": None}
        for name, view in views.items()
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("views", "skipped"),
    [(("CC", "MLO"), {"a"}), (("CC", "MLO", "FB"), set()), ("any", set())],
)
def test_a_view_that_only_the_catalog_names_is_judged_like_one_in_the_file(
    tmp_path, monkeypatch, views, skipped
):
    monkeypatch.setattr(standardising, "map_images", lambda work, jobs, **_: map(work, jobs))
    settings = Settings(
        store=StoreSettings(root=tmp_path / "store"), dicom=DicomSettings(views=views, workers=1)
    )
    outcomes = standardising.standardise_all(images(tmp_path, a="FB", b="MLO", c=""), settings)
    assert set(outcomes) == {"a", "b", "c"}
    reasons = {name for name, o in outcomes.items() if o.reason == "view FB (dicom.views)"}
    assert reasons == skipped
    assert all(outcomes[name].status == "skipped" for name in skipped)
