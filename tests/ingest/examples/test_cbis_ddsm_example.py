import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from pipeline.annotations.findings import image_outlines
from pipeline.annotations.masks import outline_masks
from pipeline.config import DicomSettings, LabelSettings, Settings, StoreSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.dicom.unusable import Unusable
from pipeline.ingest.cbis_ddsm import read
from pipeline.ingest.cbis_ddsm.tables import TABLES
from pipeline.ingest.examples import build_example
from pipeline.ingest.source_files import list_files
from tests.ingest.catalogs import catalog_of

SPACING_MM = 0.4


def build(root):
    build_example("cbis_ddsm", root, patients=6, spacing_mm=SPACING_MM, seed=1)
    return root


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return build(tmp_path_factory.mktemp("cbis_ddsm") / "tree")


@pytest.fixture(scope="module")
def catalog(tree):
    return catalog_of(read, tree, importer="cbis_ddsm")


@pytest.fixture(scope="module")
def outlined(catalog, tmp_path_factory):
    """The outlines of each image."""
    sizes = {}
    for image in catalog.images.itertuples():
        header = dcmread(image.file, stop_before_pixels=True)
        sizes[image.image_id] = header.Rows, header.Columns
    settings = Settings(
        dicom=DicomSettings(workers=0), store=StoreSettings(root=tmp_path_factory.mktemp("store"))
    )
    masks = outline_masks(catalog.findings, sizes, settings)
    return {
        image.image_id: image_outlines(
            catalog.findings[catalog.findings["image_id"] == image.image_id],
            labels=LabelSettings(),
            height=sizes[image.image_id][0],
            width=sizes[image.image_id][1],
            spacing_mm=0.05,
            outcome=image.outcome,
            complete=image.complete,
            masks=masks,
        )
        for image in catalog.images.itertuples()
    }


def test_every_mammogram_is_an_image_or_has_a_reason(catalog):
    assert dict(catalog.images.groupby("split_hint").size()) == {"test": 5, "train": 5}
    assert len(catalog.findings) == 16
    full = catalog.files[catalog.files["file"].str.contains("full mammogram|_(?:CC|MLO)/")]
    reasons = sorted(full.loc[full["status"] == "skipped", "reason"])
    assert [reason.split(" as ")[0] for reason in reasons] == [
        "left out: on a training list, while its patient is a test patient",
        "the same mammogram",
        "the same mammogram",
    ]
    assert not (catalog.files["status"] == "failed").any()


def test_every_lesion_is_outlined_by_its_mask_and_one_mask_is_refused(catalog, outlined):
    findings = catalog.findings
    assert set(findings["geometry"]) == {"mask"}
    refused = {k: why for image in outlined.values() for k, why in image.rejected.items()}
    assert list(refused) == ["P_00006_RIGHT_CC-calc-1"]
    assert "aspect ratio differs" in refused["P_00006_RIGHT_CC-calc-1"]
    outlines = list(chain.from_iterable(image.outlines for image in outlined.values()))
    assert {outline.finding_id for outline in outlines} | set(refused) == set(
        findings["finding_id"]
    )


def test_an_outline_is_as_large_as_the_cropped_image_of_its_lesion(tree, catalog, outlined):
    """The cropped image shows 5 pixels more on each side."""
    masks = {
        row.finding_id: Path(json.loads(row.coordinates)["file"])
        for row in catalog.findings.itertuples()
    }
    others = {
        dcmread(path, stop_before_pixels=True).PatientID: path
        for path in tree.rglob("*.dcm")
        if path not in masks.values()
    }
    for outline in chain.from_iterable(image.outlines for image in outlined.values()):
        name = dcmread(masks[outline.finding_id], stop_before_pixels=True).PatientID
        cropped = dcmread(others[name], stop_before_pixels=True)
        points = np.concatenate(outline.polygons)
        height, width = points.max(axis=0) - points.min(axis=0)
        assert abs(height - (cropped.Rows - 11)) <= 3
        assert abs(width - (cropped.Columns - 11)) <= 3


def test_a_mammogram_has_benign_and_malignant_lesions(catalog):
    of_one = catalog.findings[catalog.findings["image_id"] == "P_00001_LEFT_CC"]
    assert list(of_one["pathology"]) == ["malignant", "benign", "benign_without_callback"]


def test_lesions_of_two_lists_are_on_one_mammogram(catalog):
    notes = catalog.findings.set_index("finding_id")["note"]
    assert notes["P_00003_RIGHT_CC-calc-1"] == "BI-RADS assessment 4"
    assert "on a mammogram of a test list" in notes["P_00003_RIGHT_CC-mass-1"]
    assert notes["P_00004_LEFT_MLO-calc-1"] == notes["P_00004_LEFT_MLO-mass-1"]


def test_the_tables_have_their_oddities(tree, catalog):
    text = {name: (tree / file).read_bytes() for name, file in TABLES.items()}
    assert b"breast density," in text["Calc-Test"] and b"breast_density," in text["Mass-Test"]
    assert all(b'.dcm\n",' in text[name] for name in ("Calc-Test", "Calc-Training"))
    assert all(b'.dcm\n"\r\n' in text[name] for name in ("Mass-Test", "Mass-Training"))
    density = catalog.images.set_index("patient_id")["density"]
    assert set(density["P_00002"]) == {""} and density["P_00004"] == "1"


def test_the_table_calls_some_cropped_images_masks(tree, catalog):
    """The mask that the importer chose is not in the series or file that the table names."""
    table = (tree / TABLES["Mass-Training"]).read_text().replace('\n"', '"')
    row = next(line for line in table.splitlines() if line.startswith("P_00001,2,LEFT,CC,1"))
    said = row.split(",")[-1].split("/")[-2]
    chosen = catalog.findings.set_index("finding_id").loc["P_00001_LEFT_CC-mass-1", "coordinates"]
    assert dcmread(json.loads(chosen)["file"]).SeriesInstanceUID != said


def test_files_lie_in_three_layouts(catalog):
    files = "\n".join(catalog.files["file"])
    assert "-DDSM-NA-" in files and "/1.000000-ROI mask images-" in files and "/1-2.dcm" in files
    assert "/1-full mammogram images-" in files and "/000001.dcm" in files
    assert "_LEFT_MLO/1.2.826." in files


def test_headers_are_as_the_real_ones(catalog):
    for file in catalog.images["file"]:
        header = dcmread(file, stop_before_pixels=True)
        assert header.PatientOrientation in ("CC", "MLO") and "ViewPosition" not in header
        assert (header.Modality, header.BitsStored) == ("MG", 16)
        assert header.SOPClassUID.name == "Secondary Capture Image Storage"
        assert header.PatientID.startswith(("Calc-", "Mass-"))
        assert header.PatientName == "SYNTHETIC"


def test_without_a_spacing_in_the_settings_the_files_are_skipped_with_a_hint(catalog):
    file = catalog.images.loc[0, "file"]
    with pytest.raises(Unusable, match=r"data\.spacing_mm=0\.05"):
        read_mammogram(file, settings=DicomSettings())
    film = read_mammogram(file, settings=DicomSettings(), spacing_mm=SPACING_MM)
    assert (film.spacing_mm, film.laterality, film.view) == (SPACING_MM, "L", "CC")


def test_the_same_arguments_give_the_same_bytes(tree, tmp_path):
    again = build(tmp_path / "again")
    one, two = (list_files(root).files for root in (tree, again))
    assert [file.name for file in one] == [file.name for file in two]
    assert all(a.path.read_bytes() == b.path.read_bytes() for a, b in zip(one, two, strict=True))


def test_too_few_patients_for_all_traps_are_refused(tmp_path):
    with pytest.raises(ValueError, match="patients must be at least 6"):
        build_example("cbis_ddsm", tmp_path, patients=5, spacing_mm=SPACING_MM, seed=1)
