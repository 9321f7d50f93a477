"""The store is filled once for all runs, and what a file is decides again each time."""

import pandas as pd
import pytest

from pipeline.config import DicomSettings, Settings, StoreSettings
from pipeline.preprocess.store.fill import fill_store


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
