"""CBIS-DDSM as downloaded from TCIA: digitised films with masks, and four tables of lesions.

3,032 mammograms of 1,566 women, each with a lesion. 31 women are on training and on test lists:
they are test patients. 71 mammograms exist twice, under a Calc- and a Mass- name: they become one
image with the lesions of both. The files carry no pixel spacing.

Every mammogram counts as fully outlined, although the curators took out masses that they could
not see.

Source: Lee RS et al. (2017), A curated mammography data set for use in computer-aided detection
and diagnosis research, Scientific Data 4, 170177, doi:10.1038/sdata.2017.177.
"""

from collections.abc import Container, Iterable
from dataclasses import asdict
from itertools import chain

from pipeline.ingest.catalog import Catalog, make_catalog
from pipeline.ingest.cbis_ddsm.division import Division, divide
from pipeline.ingest.cbis_ddsm.files import Contents, Ending, look_through
from pipeline.ingest.cbis_ddsm.images import image_row, make_finding, unite
from pipeline.ingest.cbis_ddsm.notes import notes
from pipeline.ingest.cbis_ddsm.tables import TABLES, Lesion, find_tables, read_tables
from pipeline.ingest.importers import Request


def read(request: Request) -> Catalog:
    """Catalog of CBIS-DDSM, or of the part of it that is in data.root.

    Prints notes on what the tables name and data.root lacks, and on what was left out.

    Raises:
        UserError: no table is there, or one is wrong.
    """
    tables = find_tables(request.data, request.files)
    lesions = read_tables(tables)
    division = divide(lesions)
    contents = look_through(request.files, lesions)
    images, findings, endings = _made(contents, division)
    endings |= contents.endings | _unused(contents, endings, lesions, division, tables)
    for note in notes(tables, division, images, findings, endings):
        print(f"note: {note}", flush=True)
    files = [
        {"file": file.name, "bytes": file.size, **asdict(endings[file.name])}
        for file in request.files
    ]
    return make_catalog(images, findings, files)


def _made(
    contents: Contents, division: Division
) -> tuple[list[dict], list[dict], dict[str, Ending]]:
    """Images, findings, and what became of the files that they were made of."""
    images, findings, endings = [], [], {}
    borrowed = {lesion.name for lesion in division.borrowed}
    for image_id, lesions in _by_image((*division.kept, *division.borrowed)).items():
        if image_id not in contents.mammograms:
            continue
        mammogram = unite(contents.mammograms[image_id])
        images.append(image_row(mammogram.file, lesions, division))
        endings |= mammogram.endings
        for lesion in lesions:
            finding = make_finding(
                lesion,
                contents.parts.get(lesion.name, []),
                mammogram.file.shape,
                borrowed=lesion.name in borrowed,
            )
            findings.append(finding.row)
            endings |= finding.endings
    return images, findings, endings


def _by_image(lesions: Iterable[Lesion]) -> dict[str, list[Lesion]]:
    by_image: dict[str, list[Lesion]] = {}
    for lesion in lesions:
        by_image.setdefault(lesion.name.image_id, []).append(lesion)
    return by_image


def _unused(
    contents: Contents,
    used: Container[str],
    lesions: Iterable[Lesion],
    division: Division,
    tables: Container[str],
) -> dict[str, Ending]:
    """Why the other files of the data set belong to no image of the catalog."""
    left_out = {lesion.name.image_id for lesion in division.left_out}
    abnormalities = {lesion.name for lesion in lesions}
    endings = {}
    for file in chain(*contents.mammograms.values(), *contents.parts.values()):
        name = file.name
        if file.file.name in used:
            continue
        if name.image_id in left_out:
            reason = "left out: on a training list, while its patient is a test patient"
        elif name.list_name not in tables:
            reason = f"{TABLES[name.list_name]}, which tells about it, is not there"
        elif name in abnormalities:
            reason = "its mammogram is not in data.root"
        else:
            reason = "no row of the tables names it"
        endings[file.file.name] = Ending("skipped", reason)
    return endings
