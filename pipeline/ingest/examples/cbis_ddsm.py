"""A small tree in the form of CBIS-DDSM as TCIA gives it, with its traps; see `CASES`.

Writes  ROOT/CBIS-DDSM and ROOT/manifest-1/CBIS-DDSM   DICOM files in three layouts of folders
        ROOT/calc_case_description_train_set.csv ...   the four tables
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.config import PhantomSettings
from pipeline.dicom.write import derived_uid, write_picture
from pipeline.ingest.cbis_ddsm.names import Name
from pipeline.ingest.cbis_ddsm.tables import TABLES
from pipeline.ingest.examples.tree import Tree
from pipeline.ingest.phantom.picture import DrawnLesion, Picture, draw_picture
from pipeline.ingest.phantom.plan import Patient, PlannedLesion, plan_patient

# Kind of the phantom; names of the columns that differ between the tables.
CALCIFICATION = "microcalcifications"
COLUMNS = {
    "Calc": ("calcification", "breast density", "calc type", "calc distribution"),
    "Mass": ("mass", "breast_density", "mass shape", "mass margins"),
}


@dataclass(frozen=True)
class Film:
    """A mammogram under the name of one list."""

    list_name: str
    side: str  # LEFT or RIGHT
    view: str
    # exact; half, a smaller picture of the same aspect ratio; or narrow, of another one
    mask: str = "exact"


@dataclass(frozen=True)
class Case:
    """A patient: her films, the lesions of each breast, and how her files lie."""

    films: tuple[Film, ...]
    # side, kind of the phantom, pathology of the tables. Calc- lists name the calcifications of a
    # film, Mass- lists its masses.
    lesions: tuple[tuple[str, str, str], ...]
    layout: str  # classic, nbia (the newer downloader) or uids
    density: int = 2  # as the tables have it, 0 for unknown
    assessment: int = 4
    swapped: bool = False  # the tables call the cropped image the mask
    one_series: bool = True  # mask and cropped image lie in one folder


CASES = (
    # Three lesions on a mammogram, benign and malignant; mask and cropped image in two series.
    Case(
        (Film("Mass-Training", "LEFT", "CC"), Film("Mass-Training", "LEFT", "MLO")),
        (
            ("L", "mass_spiculated", "MALIGNANT"),
            ("L", "mass_smooth", "BENIGN"),
            ("L", "mass_smooth", "BENIGN_WITHOUT_CALLBACK"),
        ),
        "nbia",
        swapped=True,
        one_series=False,
    ),
    # Unknown density; a mask of another size.
    Case(
        (Film("Calc-Training", "RIGHT", "CC", "half"), Film("Calc-Training", "RIGHT", "MLO")),
        (("R", CALCIFICATION, "MALIGNANT"),),
        "classic",
        density=0,
        swapped=True,
    ),
    # On test and training lists: a lesion of a training list on a test mammogram, which exists
    # twice, and one on a mammogram of the training list alone.
    Case(
        (
            Film("Calc-Test", "RIGHT", "CC"),
            Film("Mass-Training", "RIGHT", "CC"),
            Film("Mass-Training", "LEFT", "MLO"),
        ),
        (
            ("R", CALCIFICATION, "MALIGNANT"),
            ("R", "mass_smooth", "BENIGN"),
            ("L", "mass_spiculated", "MALIGNANT"),
        ),
        "nbia",
        density=3,
    ),
    # A mammogram on both training lists.
    Case(
        (Film("Calc-Training", "LEFT", "MLO"), Film("Mass-Training", "LEFT", "MLO")),
        (("L", CALCIFICATION, "BENIGN"), ("L", "mass_spiculated", "MALIGNANT")),
        "uids",
        density=1,
        assessment=0,
        swapped=True,
    ),
    Case(
        (Film("Mass-Test", "LEFT", "CC"), Film("Mass-Test", "LEFT", "MLO")),
        (("L", "mass_spiculated", "MALIGNANT"),),
        "uids",
        density=4,
        assessment=5,
    ),
    # A mask of another aspect ratio.
    Case(
        (Film("Calc-Test", "RIGHT", "CC", "narrow"), Film("Calc-Test", "RIGHT", "MLO")),
        (("R", CALCIFICATION, "BENIGN_WITHOUT_CALLBACK"),),
        "classic",
        assessment=2,
    ),
)


def build(tree: Tree) -> None:
    """Write the tree; each patient is one of `CASES`, in turn.

    Raises:
        ValueError: there are too few patients for all traps.
    """
    if tree.patients < len(CASES):
        raise ValueError(
            f"patients must be at least {len(CASES)}, one for each trap, not {tree.patients}"
        )
    phantom = PhantomSettings(seed=tree.seed, spacing_mm=tree.spacing_mm)
    rows: dict[str, list[dict]] = {list_name: [] for list_name in TABLES}
    for index in range(tree.patients):
        case = CASES[index % len(CASES)]
        pictures: dict[tuple[str, str], Picture] = {}
        for film in case.films:
            key = (film.side[0], film.view)
            if key not in pictures:
                pictures[key] = draw_picture(_patient(case, index, phantom), *key, phantom)
            name = Name(film.list_name, f"P_{index + 1:05d}", film.side, film.view)
            rows[film.list_name] += _write_film(tree, name, film, case, pictures[key])
    for list_name, of_list in rows.items():
        tree.write_table(TABLES[list_name], list(of_list[0]), of_list, line_end="\r\n")
    # What the newer downloader puts beside the images.
    tree.write("manifest-1/metadata.csv", "Series UID,Collection\n")
    tree.write("manifest-1/LICENSE", "Synthetic: no licence of the data set.\n")


def _patient(case: Case, index: int, phantom: PhantomSettings) -> Patient:
    """The phantom's patient of that number with the lesions wanted."""
    rng = np.random.default_rng([phantom.seed, index])
    lesions = tuple(
        PlannedLesion(
            side=side,
            kind=kind,
            radius_mm=float(rng.uniform(4.0, 7.0)),
            strength=float(rng.uniform(0.8, 1.6)),
            depth_share=float(rng.uniform(0.2, 0.8)),
        )
        for side, kind, _ in case.lesions
    )
    return replace(plan_patient(index, phantom), lesions=lesions, film=True)


def _write_film(tree: Tree, name: Name, film: Film, case: Case, picture: Picture) -> Iterator[dict]:
    """Write a mammogram, its masks and its cropped images; yield its rows of the tables."""
    pixels = picture.pixels << 4  # 12 bit become 16
    (image_path,) = _write_series(tree, case, name, "full mammogram images", [pixels])
    calcifications = name.list_name.startswith("Calc")
    chosen = [drawn for drawn in picture.lesions if (drawn.kind == CALCIFICATION) is calcifications]
    for number, drawn in enumerate(chosen, start=1):
        part, mask = replace(name, abnormality=number), _mask(drawn, pixels.shape, film.mask)
        paths = _write_part(tree, case, part, mask=mask, cropped=_cropped(pixels, drawn))
        mask_path, cropped_path = reversed(paths) if case.swapped else paths
        # The real tables have a line break inside a path of each row.
        after_cropped, after_mask = ("\n", "") if calcifications else ("", "\n")
        kind, density, first, second = COLUMNS[name.list_name[:4]]
        yield {
            "patient_id": name.patient_id,
            density: case.density,
            "left or right breast": name.side,
            "image view": name.view,
            "abnormality id": number,
            "abnormality type": kind,
            first: "N/A",
            second: "N/A",
            "assessment": case.assessment,
            "pathology": case.lesions[drawn.number][2],
            "subtlety": 3,
            "image file path": image_path,
            "cropped image file path": cropped_path + after_cropped,
            "ROI mask file path": mask_path + after_mask,
        }


def _mask(drawn: DrawnLesion, shape: tuple[int, int], form: str) -> np.ndarray:
    """The mask of a lesion, (rows, columns) uint8 of 0 and 255."""
    rows, columns = shape
    size = {
        "exact": (columns, rows),
        "half": (columns // 2, rows // 2),
        "narrow": (columns * 9 // 10, rows),
    }[form]
    return cv2.resize(255 * drawn.mask(shape), size, interpolation=cv2.INTER_NEAREST)


def _cropped(pixels: np.ndarray, drawn: DrawnLesion) -> np.ndarray:
    """The surroundings of a lesion, cut out of the mammogram."""
    top, left = np.maximum(np.floor(drawn.outline.min(axis=0)).astype(int) - 5, 0)
    bottom, right = np.ceil(drawn.outline.max(axis=0)).astype(int) + 6
    return pixels[top:bottom, left:right]


def _write_part(
    tree: Tree, case: Case, name: Name, *, mask: np.ndarray, cropped: np.ndarray
) -> list[str]:
    """Write mask and cropped image; return the tables' paths of both, in this order."""
    masks = "ROI mask images"
    if not case.one_series:
        parts = ((masks, mask), ("cropped images", cropped))
        return [_write_series(tree, case, name, what, [pixels])[0] for what, pixels in parts]
    # Which of the two comes first differs between the lists.
    order = 1 if name.list_name.startswith("Calc") is not case.swapped else -1
    return _write_series(tree, case, name, masks, [mask, cropped][::order])[::order]


def _write_series(
    tree: Tree, case: Case, name: Name, description: str, pictures: list[np.ndarray]
) -> list[str]:
    """Write a series; return the paths of its files as the tables would have them."""
    study, series = (derived_uid(str(name), description, of) for of in ("study", "series"))
    kinds = f"{description}-{series[-5:]}"
    folder = {
        "uids": f"CBIS-DDSM/{name}/{study}/{series}",
        "classic": f"CBIS-DDSM/{name}/08-29-2017-DDSM-{study[-5:]}/1-{kinds}",
        "nbia": f"manifest-1/CBIS-DDSM/{name}/08-29-2017-DDSM-NA-{study[-5:]}/1.000000-{kinds}",
    }[case.layout]
    for number, pixels in enumerate(pictures):
        header = _header(name, description, study, series, number + 1)
        file = f"{number:06d}.dcm" if case.layout == "classic" else f"1-{number + 1}.dcm"
        write_picture(tree.path(f"{folder}/{file}"), pixels, header)
    return [f"{name}/{study}/{series}/{number:06d}.dcm" for number in range(len(pictures))]


def _header(name: Name, description: str, study: str, series: str, number: int) -> dict:
    """Secondary Capture, PS3.3 A.8.1, with the elements of the real files: no spacing, the view
    where the orientation belongs, and a Patient ID that is more than a patient."""
    return {
        "SOPInstanceUID": derived_uid(series, str(number)),
        "StudyDate": "20170829",
        "StudyTime": "120000",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "PatientBirthDate": "",
        "PatientSex": "",
        "Modality": "MG",
        "ConversionType": "WSD",
        "SeriesDescription": description,
        "PatientName": "SYNTHETIC",
        "PatientID": str(name),
        "ImageComments": "synthetic, no patient",
        "BodyPartExamined": "BREAST",
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "StudyID": "DDSM",
        "SeriesNumber": 1,
        "InstanceNumber": number,
        "PatientOrientation": name.view,
        "Laterality": name.side[0],
    }
