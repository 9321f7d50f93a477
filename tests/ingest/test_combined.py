"""Several data sets in one run: importer combined."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.config import DataSettings, DicomSettings, PhantomSettings, Settings, StoreSettings
from pipeline.ingest.catalog import Catalog, read_catalog
from pipeline.ingest.phantom.importer import read_phantom
from pipeline.ingest.source_files import Listing
from pipeline.ingest.stage import _fingerprint, ingest
from pipeline.preprocess.split import split_patients
from pipeline.run.errors import UserError
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.pseudonyms import original
from pipeline.run.stage import Stage
from tests.dicom_samples import write_mammogram

PHANTOM = PhantomSettings(patients=4, spacing_mm=0.4)


def write_films(root: Path) -> None:
    root.mkdir(parents=True)
    (root / "Info.txt").write_text(
        "mdb001 G CIRC B 535 425 197\nmdb002 G NORM\nmdb003 D NORM\nmdb004 D NORM\n"
    )
    for number in range(1, 5):
        film = np.zeros((1024, 1024), np.uint8)
        film[:, :number] = 200
        cv2.imwrite(str(root / f"mdb{number:03d}.pgm"), film)


def write_clinic(root: Path) -> None:
    for name, woman in (("a", "w1"), ("mdb001", "mias001")):
        write_mammogram(root / f"{name}.dcm", PatientID=woman, ImagerPixelSpacing=None)
    (root / "findings.csv").write_text("file,kind,row,col,radius\na.dcm,mass,3,4,2\n")
    (root / "split.csv").write_text("patient_id,split\nw1,test\n")


def stage(folder: Path, **data) -> Stage:
    sets = [
        {"importer": "phantom", "root": folder / "phantom"},
        {"importer": "mias", "root": folder / "mini-mias"},
        {"importer": "dicom", "root": folder / "clinic", "name": "own", "spacing_mm": 0.05},
    ]
    settings = Settings(
        data=DataSettings(**({"importer": "combined", "sets": sets, "pseudonyms": False} | data)),
        phantom=PHANTOM,
        dicom=DicomSettings(workers=0),
        store=StoreSettings(root=folder / "store"),
    )
    run = RunFolder(folder / "run")
    return Stage(run, settings, EventLog(run, "ingest"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    here = tmp_path_factory.mktemp("sets")
    write_films(here / "mini-mias")
    write_clinic(here / "clinic")
    read_phantom(DataSettings(root=here / "phantom"), PHANTOM, workers=0)  # without a pool
    ingest(stage(here))
    return here


@pytest.fixture
def catalog(folder) -> Catalog:
    ingest(stage(folder))
    return read_catalog(stage(folder).run)


@pytest.fixture
def two(tmp_path) -> Path:
    """A folder with two sets that are quick to list."""
    write_clinic(tmp_path / "clinic")
    write_mammogram(tmp_path / "other" / "a.dcm", PatientID="w1")
    return tmp_path


def two_sets(folder: Path) -> dict:
    return {"sets": (f"dicom:{folder / 'clinic'}", f"other=dicom:{folder / 'other'}")}


def test_the_counts_of_the_sets_add_up(catalog):
    assert dict(catalog.images["dataset"].value_counts()) == {"phantom": 16, "mias": 4, "own": 2}
    assert catalog.images["patient_id"].nunique() == 4 + 2 + 2
    files = catalog.files["file"].str.split("/").str[0].value_counts()
    assert dict(files) == {"phantom": 17, "mias": 5, "own": 4}


def test_ids_of_different_sets_cannot_clash(catalog):
    """The clinic has a file and a woman that are called as one of mini-MIAS."""
    images = catalog.images.set_index("image_id")
    assert images.loc["mias-mdb001", "patient_id"] == "mias/mias001"
    assert images.loc["own-mdb001", "patient_id"] == "own/mias001"
    assert images.loc["own-mdb001", "source"] == "own/mdb001.dcm"
    of_set = images["source"].str.split("/").str[0]
    assert (images["patient_id"].str.split("/").str[0] == of_set).all()
    assert (images.index.str.split("-").str[0] == of_set).all()


def test_pseudonyms_stand_for_the_names_of_the_hospitals_set_alone(folder):
    (folder / "both.csv").write_text("patient_id,split\nown/w1,test\nmias/mias001,train\n")
    whole = stage(folder, pseudonyms=True, split=folder / "both.csv")
    here = replace(whole, run=RunFolder(folder / "hidden"))
    ingest(here)
    found = read_catalog(here.run)
    images = found.images.set_index("image_id")
    assert images.loc["mias-mdb001", "patient_id"] == "mias/mias001"
    own = images[images["dataset"] == "own"]
    assert own.index.str.fullmatch("own-i[a-z2-7]{12}").all()
    assert own["patient_id"].str.fullmatch("own/p[a-z2-7]{12}").all()
    assert own["source"].str.fullmatch(r"own/f[a-z2-7]{12}\.dcm").all()
    assert {original(file) for file in own["file"]} == {
        str(folder / "clinic" / f"{name}.dcm") for name in ("a", "mdb001")
    }
    finding = found.findings.set_index("image_id").loc[lambda t: t.index.str.startswith("own-")]
    assert list(finding["finding_id"]) == [f"{finding.index[0]}-1"]
    w1 = next(p for p in own["patient_id"] if original(p.removeprefix("own/")) == "w1")
    assert found.split == {"mias/mias001": "train", w1: "test"}


def test_findings_stay_with_their_images(catalog):
    findings = catalog.findings.set_index("finding_id")
    assert findings.loc["mias-mdb001-1", "image_id"] == "mias-mdb001"
    assert findings.loc["own-a-1", "image_id"] == "own-a"
    assert set(findings["image_id"]) <= set(catalog.images["image_id"])


def test_every_image_has_a_file_that_can_be_read(catalog):
    assert all(Path(file).is_file() for file in catalog.images["file"])


def test_the_spacing_of_a_set_is_that_of_its_images_alone(catalog):
    spacing = catalog.images.groupby("dataset")["spacing_mm"].agg(["min", "max"])
    assert spacing.loc["own"].tolist() == [0.05, 0.05]
    assert spacing.loc["mias"].tolist() == [0.2, 0.2]
    assert spacing.loc["phantom"].tolist() == [0.4, 0.4]


def test_a_common_spacing_is_for_the_sets_that_have_none(two):
    ingest(stage(two, **two_sets(two), spacing_mm=0.07))
    images = read_catalog(stage(two).run).images
    assert images["spacing_mm"].tolist() == [0.07] * 3


def test_no_woman_is_in_two_parts_of_the_split(catalog):
    split = split_patients(catalog.images, catalog.findings, Settings().split, fixed=catalog.split)
    assert set(split.of) == set(catalog.images["patient_id"])
    assert split.of["own/w1"] == "test"  # by the set's own split.csv


def test_notes_on_ids_name_the_set_once(two):
    write_mammogram(two / "other" / "b.dcm", PatientID="W1")
    ingest(stage(two, **two_sets(two)))
    (note,) = read_catalog(stage(two).run).notes
    assert note.startswith("set other: patient ids that look like one woman twice: 'W1' and 'w1'")


def test_a_common_split_names_the_patients_with_their_set(two):
    (two / "split.csv").write_text("patient_id,split\nother/w1,train\ndicom/w1,validation\n")
    ingest(stage(two, **two_sets(two), split=two / "split.csv"))
    catalog = read_catalog(stage(two).run)
    assert catalog.split == {"dicom/w1": "validation", "other/w1": "train"}
    assert set(catalog.images["split_hint"]) == {""}


def test_a_split_table_in_the_root_of_a_single_set_is_not_taken(two, monkeypatch):
    monkeypatch.chdir(two)
    table = two / Settings().data.root / "split.csv"
    table.parent.mkdir(parents=True)
    table.write_text("patient_id,split\nsomebody,test\n")
    ingest(stage(two, **two_sets(two)))
    assert set(read_catalog(stage(two).run).split.values()) == {"test"}


def test_a_limit_counts_the_patients_of_each_set(two):
    line = ingest(stage(two, **two_sets(two), limit=1))
    assert line.startswith("5 files, 2 images of 2 patients")


def test_a_second_time_does_nothing(folder):
    line = ingest(stage(folder))
    assert line.startswith("nothing changed (26 files, 22 images of 8 patients")
    assert f"mias: {folder / 'mini-mias'}, own: {folder / 'clinic'}" in line


def test_deciding_that_nothing_changed_loads_no_pandas(two):
    script = f"""
import sys
from pathlib import Path
from pipeline.config import DataSettings, Settings, StoreSettings
from pipeline.ingest.stage import ingest
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.stage import Stage
here = Path({str(two)!r})
sets = (f"dicom:{{here / 'clinic'}}", f"other=dicom:{{here / 'other'}}")
settings = Settings(
    data=DataSettings(importer="combined", sets=sets, pseudonyms=False),
    store=StoreSettings(root=here / "store"),
)
run = RunFolder(here / "run")
print(ingest(Stage(run, settings, EventLog(run, "ingest"))))
print([m for m in ("pandas", "cv2", "pydicom") if m in sys.modules])
"""
    ingest(stage(two, **two_sets(two)))
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith("nothing changed")
    assert done.stdout.splitlines()[1] == "[]"


@pytest.mark.parametrize("name", ["clinic/a.dcm", "other/a.dcm", "clinic/findings.csv"])
def test_a_changed_file_of_any_set_redoes_it(two, name):
    ingest(stage(two, **two_sets(two)))
    os.utime(two / name, ns=(1, 1))
    assert not ingest(stage(two, **two_sets(two))).startswith("nothing changed")


@pytest.mark.parametrize(("importer", "matters"), [("phantom", True), ("mias", False)])
def test_settings_of_the_phantom_matter_where_it_is_a_set(importer, matters):
    data = DataSettings(importer="combined", sets=("dicom:x", f"{importer}:y"))
    prints = {
        _fingerprint(Listing((), ()), Settings(data=data, phantom=PhantomSettings(seed=seed)))
        for seed in (1, 2)
    }
    assert len(prints) == (2 if matters else 1)


def test_films_are_wrapped_once_for_the_runs_with_and_without_other_sets(folder, catalog):
    files = catalog.images.set_index("image_id")["file"]
    before = Path(files["mias-mdb001"]).stat().st_mtime_ns
    alone = stage(folder, importer="mias", root=folder / "mini-mias", sets=())
    alone = Stage(RunFolder(folder / "alone"), alone.settings, alone.events)
    ingest(alone)
    images = read_catalog(alone.run).images.set_index("image_id")
    assert images.loc["mdb001", "file"] == files["mias-mdb001"]
    assert Path(files["mias-mdb001"]).stat().st_mtime_ns == before


def test_two_sets_of_one_importer_are_wrapped_apart(tmp_path):
    for name in ("first", "second"):
        write_films(tmp_path / name)
    sets = tuple(f"{name}=mias:{tmp_path / name}" for name in ("first", "second"))
    ingest(stage(tmp_path, sets=sets))
    images = read_catalog(stage(tmp_path).run).images
    assert images["file"].nunique() == 8
    assert set(images["dataset"]) == {"first", "second"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("findings.csv", "file,kind\nz.dcm,mass\n", "Set dicom of data.sets: .*z.dcm is no image"),
        ("split.csv", "patient_id,split\nw9,test\n", "Set dicom .*names none of the patients"),
    ],
)
def test_an_error_names_the_set(two, name, text, message):
    (two / "clinic" / name).write_text(text)
    with pytest.raises(UserError, match=message):
        ingest(stage(two, **two_sets(two)))


def test_a_set_without_images_is_refused_by_name(two):
    (two / "other" / "a.dcm").write_text("no mammogram")
    with pytest.raises(UserError, match=r"Set other of data\.sets: .* has no image"):
        ingest(stage(two, **two_sets(two)))


def test_a_set_that_is_not_there_is_refused_by_name(two):
    sets = ("dicom:clinic", f"other=dicom:{two / 'nowhere'}")
    with pytest.raises(UserError, match=r"\(set dicom of data.sets\) is no folder"):
        ingest(stage(two, sets=sets))


def test_a_set_inside_another_is_refused(two):
    sets = (f"dicom:{two}", f"other=dicom:{two / 'other'}")
    with pytest.raises(UserError, match=r"sets other and dicom of data\.sets share files"):
        ingest(stage(two, sets=sets))
