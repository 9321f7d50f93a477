from pathlib import Path

import pytest

from pipeline.ingest.catalog import check_catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.source_files import SourceFile


@pytest.fixture
def files() -> dict[str, SourceFile]:
    names = ("._a.dcm", "a.dcm", "b.dcm", "c.pgm", "notes.txt", "unknown")
    return {name: SourceFile(name, Path("data") / name, 10, 0) for name in names}


@pytest.fixture
def builder(files) -> CatalogBuilder:
    return CatalogBuilder(files.values(), dataset="clinic")


def test_every_file_ends_once_and_the_rest_is_skipped_for_what_its_suffix_tells(builder, files):
    builder.skip_left_behind()
    builder.add_image(files["a.dcm"], image_id="a", patient_id="w1")
    builder.fail(files["b.dcm"], "not DICOM")
    assert [file.name for file in builder.left()] == ["c.pgm", "notes.txt", "unknown"]
    catalog = builder.catalog()
    check_catalog(catalog)
    ends = zip(*(catalog.files[name] for name in ("file", "status", "reason")), strict=True)
    assert list(ends) == [
        ("._a.dcm", "skipped", "left behind by macOS"),
        ("a.dcm", "candidate", ""),
        ("b.dcm", "failed", "not DICOM"),
        ("c.pgm", "skipped", "a picture, not DICOM"),
        ("notes.txt", "skipped", "a table or text"),
        ("unknown", "skipped", "not an image of the data set"),
    ]
    assert set(catalog.files["bytes"]) == {10}


def test_a_file_that_ends_twice_is_a_mistake_of_the_importer(builder, files):
    builder.skip(files["a.dcm"], "the table of the data set")
    with pytest.raises(ValueError, match=r"a\.dcm must end once"):
        builder.add_image(files["a.dcm"], image_id="a", patient_id="w1")


def test_an_image_names_its_source_and_the_file_that_was_made_of_it(builder, files):
    builder.add_image(files["a.dcm"], image_id="a", patient_id="w1", view="CC", complete="no")
    builder.add_image(files["c.pgm"], image_id="c", patient_id="w2", dicom=Path("store/c.dcm"))
    images = builder.catalog().images
    assert list(images["file"]) == ["data/a.dcm", "store/c.dcm"]
    assert list(images["source"]) == ["a.dcm", "c.pgm"]
    assert set(images["dataset"]) == {"clinic"}
    assert (images.loc[0, "view"], images.loc[0, "complete"]) == ("CC", "no")


def test_findings_are_numbered_on_their_image(builder, files):
    for name in ("a", "b"):
        builder.add_image(files[f"{name}.dcm"], image_id=name, patient_id="w1")
    circle = {"row": 1, "col": 2, "radius": 3.5}
    builder.add_finding("b", kind="mass", pathology="benign", geometry="circle", coordinates=circle)
    builder.add_finding("a", kind="mass", pathology="benign")
    builder.add_finding("b", kind="mass", pathology="benign", finding_id="own")
    builder.add_finding("b", kind="mass", pathology="benign")
    catalog = builder.catalog()
    check_catalog(catalog)
    findings = catalog.findings.set_index("finding_id")
    assert dict(findings["image_id"]) == {"a-1": "a", "b-1": "b", "b-3": "b", "own": "b"}
    assert findings.loc["b-1", "coordinates"] == '{"row": 1, "col": 2, "radius": 3.5}'
    assert (findings.loc["a-1", "geometry"], findings.loc["a-1", "coordinates"]) == ("none", "{}")


def test_the_same_finding_at_the_same_place_counts_once_and_that_is_told(builder, files, capsys):
    for name in ("a", "b"):
        builder.add_image(files[f"{name}.dcm"], image_id=name, patient_id="w1")
    circle = {"row": 1, "col": 2, "radius": 3.5}
    mass = {"kind": "mass", "geometry": "circle", "coordinates": circle}
    for finding in (mass, mass, mass | {"note": "again"}, mass | {"kind": "cyst"}):
        builder.add_finding("a", **finding)
    builder.add_finding("b", **mass)
    for _ in range(2):  # nobody knows whether two without a place are one
        builder.add_finding("b", kind="mass")
    findings = builder.catalog().findings
    assert list(findings["finding_id"]) == ["a-1", "a-2", "b-1", "b-2", "b-3"]
    assert "note: findings that are there twice, taken once, of images: a, a\n" in (
        capsys.readouterr().out
    )


def test_what_is_remarked_about_images_is_told_once_with_the_first_of_them(builder, files, capsys):
    remarks = ("the table says implant", "a difficult case")
    builder.add_image(files["a.dcm"], image_id="a", patient_id="w1", remarks=remarks)
    builder.add_image(files["b.dcm"], image_id="b", patient_id="w1", remarks=remarks[:1])
    catalog = builder.catalog()
    assert capsys.readouterr().out.splitlines() == [
        "note: a difficult case: a",
        "note: the table says implant: a, b",
    ]
    assert list(catalog.files["reason"])[1] == "the table says implant; a difficult case"
