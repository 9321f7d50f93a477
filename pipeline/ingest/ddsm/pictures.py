"""Any folder of PNG or TIFF mammograms, with or without the user's findings.csv.

Side and view are read from the name of the file where it says them (LEFT_CC, R-MLO, lcc). The
patient is the column patient_id of findings.csv, else the folder of the file. Dense tissue must
be bright, and data.spacing_mm must be given, because pictures do not carry it.
"""

import re
from collections import Counter
from pathlib import Path, PurePosixPath

from pipeline.ingest.bystanders import bystander, left_behind
from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.ddsm.pixels import LOSSLESS, LOSSY, NO_LOSSY, Picture, wrap_all
from pipeline.ingest.dicom_folder import findings_file, join_findings, mask_files
from pipeline.ingest.findings_table import read_findings
from pipeline.ingest.image_ids import image_ids
from pipeline.ingest.importers import Request
from pipeline.ingest.listing import ListedFile
from pipeline.run.errors import UserError

SIDES = {"L": "L", "LT": "L", "LEFT": "L", "R": "R", "RT": "R", "RIGHT": "R"}
VIEWS = ("CC", "MLO")
_BOTH = re.compile(r"(L|R|LT|RT|LEFT|RIGHT)(CC|MLO)")
# Folders that sort pictures by class and not by woman.
CLASSES = re.compile(
    r"(benign|malignant|normal|abnormal|cancer|mass|masses|calc|calcifications?|images?|masks?|"
    r"train|test|val|validation|all|png|tiff?|pictures|0|1)s?",
    re.IGNORECASE,
)


def read_pictures(request: Request) -> Catalog:
    """Catalog of a folder of pictures.

    Raises:
        UserError: no picture, no data.spacing_mm, a picture whose patient nobody names, or a
            table of findings that is wrong.
    """
    table = findings_file(request)
    rows = read_findings(table) if table else []
    masks = mask_files(rows)
    ends = {file.name: ("skipped", _reason_to_skip(file, masks)) for file in request.files}
    files = [file for file in request.files if not ends[file.name][1]]
    _check_request(request, files)
    images = _images(request, files)
    findings = join_findings(images, rows)
    _check_patients(images)
    pictures = [_picture(images[file.name], file) for file in files]
    for file, failed in zip(files, wrap_all(pictures), strict=True):
        ends[file.name] = ("failed", failed) if failed else ("candidate", "")
        if failed:
            lost = images.pop(file.name)["image_id"]
            findings = [finding for finding in findings if finding["image_id"] != lost]
    return make_catalog(
        images.values(),
        findings,
        (
            {"file": f.name, "status": ends[f.name][0], "reason": ends[f.name][1], "bytes": f.size}
            for f in request.files
        ),
    )


def side_and_view(name: str) -> tuple[str, str]:
    """L, R or "", and CC, MLO or "", where a file name says them once.

    >>> side_and_view("woman7_RIGHT-MLO.png"), side_and_view("7_lcc.png"), side_and_view("7.png")
    (('R', 'MLO'), ('L', 'CC'), ('', ''))
    """
    words = []
    for word in re.split(r"[^A-Z]+", PurePosixPath(name).stem.upper()):
        both = _BOTH.fullmatch(word)
        words += both.groups() if both else [word]
    sides = {SIDES[word] for word in words if word in SIDES}
    views = {word for word in words if word in VIEWS}
    return (sides.pop() if len(sides) == 1 else "", views.pop() if len(views) == 1 else "")


def _reason_to_skip(file: ListedFile, masks: set[Path]) -> str:
    if reason := left_behind(file):
        return reason
    if masks and file.path.resolve() in masks:
        return "the mask of a finding"
    suffix = file.path.suffix.lower()
    if suffix in LOSSY:
        return NO_LOSSY
    return "" if suffix in LOSSLESS else bystander(file)


def _check_request(request: Request, files: list[ListedFile]) -> None:
    root = request.data.root
    if not files:
        raise UserError(
            f"data.root={root} has neither .ics files of DDSM nor pictures "
            f"({', '.join(LOSSLESS)}). Set data.root or data.importer."
        )
    if request.data.spacing_mm is None:
        raise UserError(
            f"The pictures in data.root={root} carry no pixel spacing and there is no .ics file "
            'of DDSM. Give it in mm, for instance SET="data.spacing_mm=0.05".'
        )


def _images(request: Request, files: list[ListedFile]) -> dict[str, dict]:
    """Rows of the catalog by file name; the patient is the folder."""
    bare = Counter(PurePosixPath(file.name).with_suffix("").as_posix() for file in files)
    plain = {
        file.name: stem if bare[stem] == 1 else file.name
        for file in files
        for stem in [PurePosixPath(file.name).with_suffix("").as_posix()]
    }
    ids = image_ids(list(plain.values()))
    images = {}
    for file in files:
        image_id = ids[plain[file.name]]
        side, view = side_and_view(file.name)
        images[file.name] = {
            "image_id": image_id,
            "patient_id": PurePosixPath(file.name).parent.as_posix().removeprefix("."),
            "laterality": side,
            "view": view,
            "file": (request.wrapped / f"{image_id}.dcm").as_posix(),
            "source": file.name,
            "dataset": "pictures",
            "spacing_mm": request.data.spacing_mm,
        }
    return images


def _check_patients(images: dict[str, dict]) -> None:
    """Views of one woman in two splits would be a leak, so guesses are not good enough."""
    for name, image in images.items():
        folder = image["patient_id"].rpartition("/")[2]
        if not folder or CLASSES.fullmatch(folder):
            raise UserError(
                f"Nobody says whose picture {name} is. Put the pictures of each woman into a "
                "folder of her own, or name her in the column patient_id of findings.csv (a line "
                "for each picture, kind normal for healthy ones)."
            )


def _picture(image: dict, file: ListedFile) -> Picture:
    names = ("image_id", "patient_id", "laterality", "view", "spacing_mm")
    return Picture(
        path=file.path, target=Path(image["file"]), **{name: image[name] for name in names}
    )
