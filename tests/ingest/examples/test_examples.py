"""The example trees: each has the form that the importer of its set expects."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config import DataSettings, Settings, StoreSettings
from pipeline.dicom.header import read_header
from pipeline.ingest.catalog import Catalog, read_catalog
from pipeline.ingest.examples import MODULES, WITHOUT_SPACING, build_example
from pipeline.ingest.stage import ingest
from pipeline.preprocess.split import split_patients
from pipeline.run.events import EventLog
from pipeline.run.layout import RunFolder
from pipeline.run.settings import build_settings
from pipeline.run.stage import Stage

ROOT = Path(__file__).parents[3]
PATIENTS = {"cbis_ddsm": 6}  # one for each of its traps


@pytest.fixture(scope="module", params=sorted(MODULES))
def tree(request, tmp_path_factory) -> tuple[str, Path, Catalog]:
    """Name of the set, folder of its example, and the catalog that ingest makes of it."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    root = folder / "data"
    build_example(name, root, patients=PATIENTS.get(name, 4), spacing_mm=0.4, seed=1)
    settings = Settings(
        data=DataSettings(importer=name, root=root), store=StoreSettings(root=folder / "store")
    )
    run = RunFolder(folder / "run")
    stage = Stage(run, settings, EventLog(run, "ingest"))
    ingest(stage)
    assert ingest(stage).startswith("nothing changed")
    return name, root, read_catalog(run)


def test_every_file_on_disk_is_accounted_for(tree):
    _, root, catalog = tree
    on_disk = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}
    assert set(catalog.files["file"]) == on_disk
    statuses = catalog.files["status"].value_counts()
    assert statuses.sum() == len(on_disk)
    assert statuses["candidate"] == len(catalog.images)


def test_it_has_patients_to_split(tree):
    name, _, catalog = tree
    assert set(catalog.images["dataset"]) == {name}
    split = split_patients(catalog.images, catalog.findings, Settings().split)
    assert len(split.of) >= 2
    assert len(catalog.findings) > 0


def test_where_files_lack_their_spacing_the_way_to_try_it_gives_it(tree):
    name, _, catalog = tree
    files = catalog.images.loc[catalog.images["spacing_mm"].isna(), "file"]
    headers = [header for header in map(read_header, map(Path, files)) if header]
    lacking = any(header.spacing_mm is None for header in headers)
    assert lacking == (name in WITHOUT_SPACING)


def test_no_table_of_its_own_is_called_unread(tree):
    assert [note for note in tree[2].notes if "not read" in note] == []


def test_it_says_that_it_is_synthetic(tree):
    _, root, _ = tree
    assert "synthetic" in (root / "SYNTHETIC.txt").read_text().lower()


@pytest.mark.parametrize("name", sorted(MODULES))
def test_its_config_names_its_importer(name):
    assert build_settings(ROOT / "configs" / f"{name}.yaml", {}).data.importer == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mias", "There is no example mias. DATASET is one of cbis_ddsm"),
        ("rsna", "is there already"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, message):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "mine.txt").write_text("mine")
    words = [sys.executable, ROOT / "scripts" / "example.py", name, "--root", tmp_path / "tree"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["tree", "mine.txt"]
