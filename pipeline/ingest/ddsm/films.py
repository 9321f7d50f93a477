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

from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np

from pipeline.dicom.compressed_frame import stream_info
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.ddsm.case import Film
from pipeline.ingest.ddsm.overlay import read_overlay
from pipeline.ingest.ddsm.tree import Examination, sort_files
from pipeline.ingest.importers import Request, as_it_is
from pipeline.ingest.picture_files import Picture, add_pictures, read_picture
from pipeline.ingest.source_files import SourceFile

CONVERT = "convert the film to PNG or TIFF of 16 bit with the software of DDSM"


def read_films(request: Request) -> Catalog:
    """Catalog of the original tree."""
    builder = CatalogBuilder(request.files, dataset="ddsm")
    pictures = [_picture(*film) for film in sort_files(builder)]
    add_pictures(builder, pictures, request, called=as_it_is)
    return builder.catalog()


def _picture(file: SourceFile, examination: Examination, view: str) -> Picture:
    case = examination.case
    side, projection = view.split("_")
    findings, doubt = _findings(examination, view)
    outcome = "abnormal"
    if not findings:
        outcome, doubt = _outcome_without_marks(examination, view)
    image = {
        "image_id": f"{case.name}.{view}",
        "patient_id": case.name.rpartition("_")[0],
        "laterality": side[0],
        "view": projection,
        "spacing_mm": case.films[view].spacing_mm,
        "outcome": outcome,
        "density": case.density,
        "site": case.name[0],
        "scanner": case.digitiser,
    }
    read = partial(_read_film, file.path, case.films[view])
    return Picture(file, read, image, findings, remarks=(doubt,) if doubt else ())


def _read_film(path: Path, film: Film) -> np.ndarray:
    if path.suffix.lower() == ".ljpeg":
        return _read_ljpeg(path, film)
    pixels = read_picture(path)
    if pixels.shape != (film.height, film.width):
        own = " x ".join(map(str, pixels.shape))
        raise ValueError(f"has {own} pixels and not {film.height} x {film.width} as its .ics says")
    return pixels


def _read_ljpeg(path: Path, film: Film) -> np.ndarray:
    """Grey values of a JPEG Lossless stream (ITU-T T.81) without a container.

    Some files name width and height the wrong way round.
    """
    data = path.read_bytes()
    try:
        info = stream_info(data)
        if info is None or info.codec != "JPEG lossless" or info.components != 1:
            raise ValueError("is no JPEG lossless stream")
        if info.height * info.width != film.height * film.width:
            raise ValueError(f"has {info.height} x {info.width} pixels, unlike its .ics")
        pixels = imagecodecs.ljpeg_decode(data)
        if int(pixels.max()).bit_length() > film.bits:
            raise ValueError(f"decodes to more than {film.bits} bits")
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{error}; {CONVERT}") from error
    return pixels.reshape(film.height, film.width)


def _outcome_without_marks(examination: Examination, view: str) -> tuple[str, str]:
    """normal or unknown, and why it is unknown."""
    side = view.split("_")[0]
    if any(marked.startswith(side) for marked in examination.marked):
        return "unknown", "only the other view of this breast is marked: unknown"
    if not examination.marked and examination.volume not in ("normal", ""):
        return "unknown", f"a case of volume {examination.volume} without any marks: unknown"
    return "normal", ""


def _findings(examination: Examination, view: str) -> tuple[list[dict], str]:
    """The columns of the findings of a film, and what is wrong with its OVERLAY file."""
    if view not in examination.marked:
        return [], ""
    problem = "the .ics file announces marks and there is no OVERLAY file"
    if overlay := examination.overlays.get(view):
        try:
            return read_overlay(overlay.path), ""
        except (ValueError, OSError) as error:
            problem = f"{overlay.path.name} {error}"
    return [{"kind": "unknown", "pathology": "unknown", "note": problem}], problem
