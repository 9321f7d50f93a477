"""Any folder of PNG or TIFF mammograms, with or without the user's findings.csv.

Side and view are read from the name of the file where it says them (LEFT_CC, R-MLO, lcc). The
patient is the column patient_id of findings.csv, else the folder of the file. Dense tissue must
be bright, and data.spacing_mm must be given, because pictures do not carry it.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.findings_csv import users_findings
from pipeline.ingest.image_ids import image_ids
from pipeline.ingest.importers import Request
from pipeline.ingest.join_findings import join_findings
from pipeline.ingest.picture_files import (
    LOSSLESS,
    LOSSY,
    NO_LOSSY,
    Picture,
    add_pictures,
    picture_size,
    read_picture,
)
from pipeline.ingest.source_files import SourceFile
from pipeline.run.errors import UserError

SIDES = {"L": "L", "LT": "L", "LEFT": "L", "R": "R", "RT": "R", "RIGHT": "R"}
VIEWS = ("CC", "MLO")
_UNNAMED = "its name does not say side and view, as LEFT_CC does: one of them is unknown"
_BOTH = re.compile(r"^(L|R|LT|RT|LEFT|RIGHT)(CC|MLO)$|^(CC|MLO)(L|R|LT|RT|LEFT|RIGHT)$")
# Folders that sort pictures by class, side or view and not by woman.
CLASSES = re.compile(
    r"(benign|malignant|normal|abnormal|positive|negative|healthy|sick|control|cancer(ous)?|mass|"
    r"calc|calcification|image|img|mask|train(ing)?|test|val|validation|all|data|dataset|png|tiff?|"
    r"picture|left|right|cc|mlo|[lr](cc|mlo)?)(s|es)?([\W_]*(case|image|patient|view|breast)s?)?|"
    r"(class|label|density|bi-?rads)[\W_]*[0-6a-d]?[a-c]?|[01]",
    re.IGNORECASE,
)


def read_pictures(request: Request) -> Catalog:
    """Catalog of a folder of pictures.

    Raises:
        UserError: no picture, no data.spacing_mm, a picture whose patient nobody names, or a
            table of findings that is wrong.
    """
    builder = CatalogBuilder(request.files, dataset="pictures", of_hospital=True)
    lines = users_findings(request, builder)
    builder.skip_left_behind()
    files = [file for file in builder.left() if file.suffix in LOSSLESS]
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
    images = _images(files, request.data.spacing_mm)
    sizes = {file.name: picture_size(file.path) for file in files} if lines else {}
    findings = join_findings(images, lines, {name: size for name, size in sizes.items() if size})
    _check_patients(images)
    pictures = []
    for file in files:
        image, read = images[file.name], partial(read_picture, file.path)
        remarks = [] if image["laterality"] and image["view"] else [_UNNAMED]
        pictures.append(Picture(file, read, image, findings[image["image_id"]], remarks))
    add_pictures(builder, pictures, request, called=request.called)
    for file in builder.left():
        if file.suffix in LOSSY:
            builder.skip(file, NO_LOSSY)
    return builder.catalog()


def side_and_view(name: str) -> tuple[str, str]:
    """L, R or "", and CC, MLO or "", where a file name says them once.

    >>> side_and_view("woman7_RIGHT-MLO.png"), side_and_view("7_lcc.png"), side_and_view("7.png")
    (('R', 'MLO'), ('L', 'CC'), ('', ''))
    """
    letters = re.split(r"[^A-Z]+", PurePosixPath(name).stem.upper())
    words = [part for word in letters for part in _BOTH.sub(r"\1\3 \2\4", word).split()]
    sides = {SIDES[word] for word in words if word in SIDES}
    views = {word for word in words if word in VIEWS}
    return (sides.pop() if len(sides) == 1 else "", views.pop() if len(views) == 1 else "")


def _images(files: Sequence[SourceFile], spacing_mm: float | None) -> dict[str, dict]:
    """Columns of the images by file name; the patient is the folder."""
    stems = {file.name: PurePosixPath(file.name).with_suffix("").as_posix() for file in files}
    count = Counter(stems.values())
    plain = {name: stem if count[stem] == 1 else name for name, stem in stems.items()}
    ids = image_ids(list(plain.values()))
    images = {}
    for name, plain_name in plain.items():
        side, view = side_and_view(name)
        images[name] = {
            "image_id": ids[plain_name],
            "patient_id": PurePosixPath(name).parent.as_posix().removeprefix("."),
            "laterality": side,
            "view": view,
            "spacing_mm": spacing_mm,
        }
    return images


def _check_patients(images: Mapping[str, dict]) -> None:
    """Views of one woman in two splits would be a leak, so guesses are not good enough."""
    for name, image in images.items():
        folder = image["patient_id"].rpartition("/")[2]
        if not folder or CLASSES.fullmatch(folder):
            raise UserError(
                f"Nobody says whose picture {name} is. Put the pictures of each woman into a "
                "folder of her own, or name her in the column patient_id of findings.csv (a line "
                "for each picture, kind normal for healthy ones)."
            )
