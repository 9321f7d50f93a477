"""The original tree of DDSM: cases/cancers/cancer_01/case0001/A_0001_1.LEFT_CC.LJPEG and so on.

A film is the LJPEG file or what somebody made of it without loss, A_0001_1.LEFT_CC.png or .tif,
anywhere below the root; A-0001-1.ics describes its case, A_0001_1.LEFT_CC.OVERLAY holds its
marks. Spacing is the scanning resolution of the .ics. A case counts as a patient, because
nothing tells which cases are of one woman.

A film with marks is abnormal, whatever their pathology. A film without is normal where its case
is a normal one or only the other breast is marked; where the other view of its breast is marked,
the abnormality is there and cannot be seen, so the film is unknown.

The grey values go into the DICOM file as they are: bright is low optical density, dense tissue,
with all digitisers. With HOWTEK and LUMISYS they are linear in optical density, with DBA in the
light that the film lets through, so films of DBA look darker and harder; and the digitiser is
not independent of the pathology. It is the scanner in all tables, and the first letter of the
case, which stands for the hospital, is the site. A picture that somebody scaled or inverted on
the way is not noticed.

Source: Heath M et al. (2001), The Digital Database for Screening Mammography, Proceedings of
IWDM 2000, 212-218; "Description of a case" and "Mapping grey levels to optical density" on the
pages of DDSM.
"""

import json

from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.ddsm.case import case_name
from pipeline.ingest.ddsm.overlay import Abnormality, read_overlay
from pipeline.ingest.ddsm.pixels import Picture, wrap_all
from pipeline.ingest.ddsm.tree import Examination, sort_files
from pipeline.ingest.importers import Request
from pipeline.ingest.listing import ListedFile


def is_original(request: Request) -> bool:
    """Whether the folder holds a description of a case."""
    return any(case_name(file.path.name) for file in request.files)


def read_films(request: Request) -> Catalog:
    """Catalog of the original tree."""
    tree = sort_files(request.files)
    ends = dict(tree.ends)
    pictures = [
        _picture(request, file, tree.examinations[name], view)
        for (name, view), file in tree.films.items()
    ]
    images, findings = [], []
    for (name, view), picture, failed in zip(tree.films, pictures, wrap_all(pictures), strict=True):
        file, examination = tree.films[name, view], tree.examinations[name]
        if failed:
            ends[file.name] = ("failed", failed)
            continue
        of_film, problem = _findings(picture.image_id, examination, view)
        outcome, why = _outcome(examination, view, of_film)
        images.append(_image(file, picture, examination, outcome))
        findings += of_film
        ends[file.name] = ("candidate", problem or why)
    files = [
        {"file": f.name, "status": ends[f.name][0], "reason": ends[f.name][1], "bytes": f.size}
        for f in request.files
    ]
    return make_catalog(images, findings, files)


def _picture(request: Request, file: ListedFile, examination: Examination, view: str) -> Picture:
    film, name = examination.case.films[view], examination.case.name
    side, projection = view.split("_")
    image_id = f"{name}.{view}"
    return Picture(
        path=file.path,
        target=request.wrapped / f"{image_id}.dcm",
        image_id=image_id,
        patient_id=name.rpartition("_")[0],
        laterality=side[0],
        view=projection,
        spacing_mm=film.spacing_mm,
        size=(film.height, film.width),
        bits=film.bits,
    )


def _image(file: ListedFile, picture: Picture, examination: Examination, outcome: str) -> dict:
    case = examination.case
    return picture.names | {
        "file": picture.target.as_posix(),
        "source": file.name,
        "dataset": "ddsm",
        "outcome": outcome,
        "density": case.density,
        "site": case.name[0],
        "scanner": case.digitiser,
    }


def _outcome(examination: Examination, view: str, findings: list[dict]) -> tuple[str, str]:
    """abnormal, normal or unknown, and why it is unknown."""
    if findings:
        return "abnormal", ""
    side = view.split("_")[0]
    if any(marked.startswith(side) for marked in examination.marked):
        return "unknown", "only the other view of this breast is marked: unknown"
    if not examination.marked and examination.volume not in ("normal", ""):
        return "unknown", f"a case of volume {examination.volume} without any marks: unknown"
    return "normal", ""


def _findings(image_id: str, examination: Examination, view: str) -> tuple[list[dict], str]:
    """Rows of the findings of a film, and what is wrong with its OVERLAY file."""
    overlay = examination.overlays.get(view)
    if overlay is None and view not in examination.marked:
        return [], ""
    problem = "" if overlay else "the .ics file announces marks and there is no OVERLAY file"
    abnormalities: list[Abnormality] = []
    if overlay:
        try:
            abnormalities = read_overlay(overlay.path)
        except (ValueError, OSError) as error:
            problem = f"{overlay.path.name} {error}"
    if problem:
        abnormalities = [Abnormality("unknown", problem, "unknown", [])]
    return [_finding(image_id, n, each) for n, each in enumerate(abnormalities, start=1)], problem


def _finding(image_id: str, number: int, abnormality: Abnormality) -> dict:
    return {
        "finding_id": f"{image_id}-{number}",
        "image_id": image_id,
        "kind": abnormality.kind,
        "pathology": abnormality.pathology,
        "geometry": "polygon" if abnormality.outline else "none",
        "coordinates": json.dumps(abnormality.outline or {}),
        "note": abnormality.description,
    }
