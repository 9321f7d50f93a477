"""A run stops before it writes a table when the same mammogram or lesion is in two parts."""

import cv2
import numpy as np
import pytest

from pipeline.run.errors import UserError
from tests.dicom_samples import write_mammogram
from tests.preprocess.four_women import WOMEN, done, film, stage, write_data


def textured(seed: int) -> np.ndarray:
    """The film with blobs of all sizes in its breast, 12 bit."""
    rng = np.random.default_rng(seed)
    blobs = sum(
        cv2.resize(rng.normal(size=(n, n)), (160, 220), interpolation=cv2.INTER_CUBIC)
        for n in (8, 16, 32)
    )
    plain = film(seed).astype(float)
    return np.where(plain > 500, np.clip(plain + 300 * blobs, 600, 4000), plain).astype(np.uint16)


def write_textured(root, **pixels) -> None:
    """The four women with other pixels, in three parts."""
    write_data(root)
    for number, woman in enumerate(WOMEN):
        write_mammogram(
            root / f"{woman}.dcm",
            pixels.get(woman, textured(number)),
            PatientID=woman,
            ImagerPixelSpacing=[0.8, 0.8],
            BitsStored=12,
        )
    split = "patient_id,split\nw1,train\nw2,test\nw3,train\nw4,validation\n"
    (root / "split.csv").write_text(split)


def test_another_export_of_a_mammogram_in_two_parts_stops_the_run(tmp_path):
    darker = (4095 * (textured(0) / 4095.0) ** 1.2).astype(np.uint16)
    write_textured(tmp_path / "data", w2=darker)
    here = stage(tmp_path)
    with pytest.raises(
        UserError,
        match=r"the same mammogram twice: w1\.dcm \(w1, train\), w2\.dcm \(w2, test\)\. Remove",
    ):
        done(here)
    assert not here.run.mammograms.exists()


def test_one_outline_in_two_parts_stops_the_run(tmp_path):
    write_textured(tmp_path / "data")
    box = "mass,100,30,120.5,50"
    lines = ["file,kind,row0,col0,row1,col1", f"w1.dcm,{box}", f"w2.dcm,{box}"]
    lines += ["w3.dcm,normal,,,,", "w4.dcm,normal,,,,"]
    (tmp_path / "data" / "findings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"identical outlines: w1\.dcm \(w1-1, train\), w2"):
        done(stage(tmp_path))


def test_different_mammograms_and_lesions_pass(tmp_path):
    write_textured(tmp_path / "data")
    here = stage(tmp_path)
    done(here)
    assert here.run.mammograms.exists()
