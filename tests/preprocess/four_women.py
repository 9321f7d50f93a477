"""Four women with one small film each, and a run on them, for tests of preprocess."""

from pipeline.config import DataSettings, DicomSettings, ImageSettings, Settings, StoreSettings
from pipeline.ingest.stage import ingest
from pipeline.preprocess.stage import preprocess
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import Stage
from tests.dicom_samples import write_mammogram
from tests.fault_injection.small_set import film

WOMEN = ("w1", "w2", "w3", "w4")


def write_data(root):
    """Four women with one film each; a mass on the film of the first."""
    for number, woman in enumerate(WOMEN):
        write_mammogram(
            root / f"{woman}.dcm",
            film(number),
            PatientID=woman,
            ImagerPixelSpacing=[0.8, 0.8],
            BitsStored=12,
        )
    lines = ["file,kind,row,col,radius", "w1.dcm,mass,110,40,10"]
    lines += [f"{woman}.dcm,normal,,," for woman in WOMEN[1:]]
    (root / "findings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def stage(tmp_path, *, run="run", model="", **changed) -> Stage:
    sections = {
        "data": DataSettings(importer="dicom", root=tmp_path / "data", pseudonyms=False),
        "store": StoreSettings(root=tmp_path / "store"),
        "image": ImageSettings(spacing_mm=0.8),
        "dicom": DicomSettings(workers=0),
    }
    settings = Settings(**(sections | changed))
    folder = RunFolder(tmp_path / run)
    remember(folder, settings, Remembered(model=model))
    return Stage(folder, settings, EventLog(folder, "preprocess"))


def done(here: Stage) -> str:
    ingest(here)
    return preprocess(here)
