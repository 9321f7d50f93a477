import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom import dcmread

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.ingest.mias import read, read_info
from pipeline.run.errors import UserError
from tests.ingest.catalogs import catalog_of

INFO = """MIAS MiniMammographic Database

1st column: MIAS database reference number. mdb is no row here

mdb001 G CIRC B 535 425 197
mdb002 G NORM
mdb003 D CALC M *NOTE 3*
mdb004 F CIRC B
mdb005 F CIRC B 477 133 30
mdb005 F CIRC B 500 168 26

*NOTE 3*: calcifications are widely distributed
"""


@pytest.fixture
def film() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1024, 1024)).astype(np.uint8)


def write(root, film, *names):
    (root / "Info.txt").write_text(INFO)
    for name in names:
        cv2.imwrite(str(root / name), film)


def test_rows_count_from_the_top_and_text_around_the_table_is_passed_over(tmp_path):
    (tmp_path / "Info.txt").write_text(INFO)
    rows = read_info(tmp_path / "Info.txt")
    assert [row.image_id for row in rows] == [f"mdb00{n}" for n in (1, 2, 3, 4, 5, 5)]
    assert rows[0].tissue == "G"
    assert rows[0].finding == {
        "kind": "circ",
        "pathology": "benign",
        "geometry": "circle",
        "coordinates": {"row": 1023 - 425, "col": 535, "radius": 197},
    }


def test_calcifications_without_coordinates_are_findings_without_outline(tmp_path):
    (tmp_path / "Info.txt").write_text(INFO)
    rows = {row.image_id: row for row in read_info(tmp_path / "Info.txt")}
    assert rows["mdb003"].finding == {"kind": "calc", "pathology": "malignant"}
    assert rows["mdb004"].finding == {"kind": "circ", "pathology": "benign"}
    assert rows["mdb002"].finding is None


@pytest.mark.parametrize(
    "line", ["mdb001 X NORM", "mdb001 G", "mdb001 G CIRC B 1 2", "mdb001 G CIRC Q 1 2 3"]
)
def test_a_line_that_makes_no_sense_is_named(tmp_path, line):
    (tmp_path / "Info.txt").write_text(f"mdb002 G NORM\n{line}\n")
    with pytest.raises(UserError, match="line 2"):
        read_info(tmp_path / "Info.txt")


def test_the_catalog_of_a_small_copy(tmp_path, film):
    root = tmp_path / "mias"
    root.mkdir()
    write(root, film, "mdb001.pgm", "mdb001.png", "mdb002.png", "mdb003.PGM", "mdb005.png")
    cv2.imwrite(str(root / "mdb009.png"), film)
    (root / "mdb004.png").write_bytes(b"no picture")
    catalog = catalog_of(read, root, tmp_path / "dicom")
    images = catalog.images.set_index("image_id")
    assert list(images.index) == ["mdb001", "mdb002", "mdb003", "mdb005"]
    assert list(images["patient_id"]) == ["mias001", "mias001", "mias002", "mias003"]
    assert list(images["laterality"]) == ["L", "R", "L", "L"]
    assert list(images["outcome"]) == ["abnormal", "normal", "abnormal", "abnormal"]
    assert set(images["spacing_mm"]) == {0.2} and set(images["view"]) == {"MLO"}
    findings = catalog.findings.set_index("finding_id")
    assert list(findings.index) == ["mdb001-1", "mdb003-1", "mdb005-1", "mdb005-2"]
    assert json.loads(findings.loc["mdb001-1", "coordinates"]) == {
        "row": 598,
        "col": 535,
        "radius": 197,
    }
    assert findings.loc["mdb003-1", "geometry"] == "none"
    files = catalog.files.set_index("file")
    assert files.loc["mdb001.png", "reason"] == "the same image as mdb001.pgm"
    assert files.loc["mdb009.png", "reason"] == "Info.txt has no row for it"
    assert files.loc["mdb004.png", "status"] == "failed"
    assert files.loc["Info.txt", "status"] == "skipped"


def test_the_wrapped_film_is_read_back_exactly(tmp_path, film):
    root = tmp_path / "mias"
    root.mkdir()
    write(root, film, "mdb001.png")
    catalog = catalog_of(read, root, tmp_path / "dicom")
    mammogram = read_mammogram(catalog.images.loc[0, "file"], settings=DicomSettings())
    np.testing.assert_array_equal(np.rint(mammogram.pixels * 255), film)
    assert mammogram.spacing_mm == 0.2
    assert (mammogram.laterality, mammogram.view) == ("L", "MLO")
    assert mammogram.notes == []


def wrapped(root: Path, folder: Path) -> Path:
    """The DICOM file that is made of the only film."""
    return Path(catalog_of(read, root, folder).images.loc[0, "file"])


def test_wrapping_twice_gives_the_same_bytes_and_leaves_the_file_alone(tmp_path, film):
    root = tmp_path / "mias"
    root.mkdir()
    write(root, film, "mdb001.png")
    one, two, again = (wrapped(root, tmp_path / folder) for folder in ("one", "two", "one"))
    assert again == one != two
    assert one.read_bytes() == two.read_bytes()
    before = one.stat().st_mtime_ns
    wrapped(root, tmp_path / "one")
    assert one.stat().st_mtime_ns == before


def test_another_film_of_the_same_name_gets_a_file_of_its_own(tmp_path, film):
    root = tmp_path / "mias"
    root.mkdir()
    write(root, film, "mdb001.png")
    first = wrapped(root, tmp_path / "dicom")
    cv2.imwrite(str(root / "mdb001.png"), 255 - film)
    second = wrapped(root, tmp_path / "dicom")
    for path, pixels in ((first, film), (second, 255 - film)):
        read_again = read_mammogram(path, settings=DicomSettings()).pixels
        np.testing.assert_array_equal(np.rint(read_again * 255), pixels)
        assert dcmread(path).PatientID == "mias001"


def test_without_info_txt_the_user_is_told(tmp_path):
    with pytest.raises(UserError, match=r"has no Info\.txt"):
        catalog_of(read, tmp_path, tmp_path / "dicom")


def test_the_real_circles_lie_on_tissue_when_rows_count_from_the_top(mammo_data):
    """With y taken from the top, more of the circles' centres fall outside the breast."""
    root = mammo_data / "mini-mias"
    right, wrong = 0, 0
    for row in read_info(root / "Info.txt"):
        if not row.finding or "coordinates" not in row.finding:
            continue
        film = cv2.imread(str(root / f"{row.image_id}.png"), cv2.IMREAD_GRAYSCALE)
        y, x, _ = row.finding["coordinates"].values()
        right += film[y, x] > 60
        wrong += film[1023 - y, x] > 60
    assert right >= 78
    assert wrong < right


def test_the_real_info_has_rows_for_216_images_and_82_located_findings(mammo_data):
    rows = read_info(mammo_data / "mini-mias" / "Info.txt")
    assert len({row.image_id for row in rows}) == 216
    assert sum("coordinates" in (row.finding or {}) for row in rows) == 82
