"""CBIS-DDSM as downloaded from TCIA: digitised films with masks, and four tables of lesions.

3,032 mammograms of 1,566 women, each with a lesion. 31 women are on training and on test lists:
they are test patients. 71 mammograms exist twice, under a Calc- and a Mass- name: they become one
image with the lesions of both. The files carry no pixel spacing.

Every mammogram counts as fully outlined, although the curators took out masses that they could
not see.

Source: Lee RS et al. (2017), A curated mammography data set for use in computer-aided detection
and diagnosis research, Scientific Data 4, 170177, doi:10.1038/sdata.2017.177.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain

from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.cbis_ddsm.files import NamedFile, sort_files
from pipeline.ingest.cbis_ddsm.pixels import choose_mask, difference
from pipeline.ingest.cbis_ddsm.tables import (
    TABLES,
    Lesion,
    OfficialSplit,
    find_tables,
    official_split,
    read_tables,
)
from pipeline.ingest.importers import Request
from pipeline.ingest.notes import some, tell

# Where a table is cut off or missing: nobody says that such a lesion is none, so the rest of its
# mammogram is not known to be normal.
_UNLISTED = "it has files of a lesion that no table names: none of its positions counts as negative"
_NOT_NAMED = "no row of the tables names it"

Files = Mapping[str, Sequence[NamedFile]]  # by what they show


def read(request: Request) -> Catalog:
    """Catalog of CBIS-DDSM, or of the part of it that is in data.root.

    Prints notes on what the tables name and data.root lacks, and on what was left out.

    Raises:
        UserError: no table is there, or one is wrong.
    """
    tables = find_tables(request.data, request.files)
    lesions = read_tables(tables)
    split = official_split(lesions)
    builder = CatalogBuilder(request.files, dataset="cbis_ddsm")
    files = sort_files(request, builder, lesions)
    on_image: dict[str, list[Lesion]] = defaultdict(list)
    for lesion in (*split.kept, *split.borrowed):
        on_image[lesion.name.image_id].append(lesion)
    unlisted = _unlisted(files, lesions)
    for image_id, of_image in on_image.items():
        if image_id in files:
            doubts = [_UNLISTED] if image_id in unlisted else []
            mammogram = _add_image(builder, files[image_id], of_image, split, doubts)
            for lesion in of_image:
                _add_finding(builder, lesion, files, mammogram, split)
    _skip_unused(builder, files, lesions, split, tables)
    catalog = builder.catalog()
    _tell(tables, split, catalog)
    return catalog


def _add_image(
    builder: CatalogBuilder,
    files: Sequence[NamedFile],
    lesions: Sequence[Lesion],
    split: OfficialSplit,
    doubts: Sequence[str],
) -> NamedFile:
    """The image of a mammogram: one of its files; the others are copies, as their pixels confirm.

    Args:
        files: one or more; readable headers go first, then test lists.
        doubts: that it has more lesions than `lesions`.
    """
    first, *others = sorted(
        files, key=lambda f: (f.shape is None, not f.name.is_test, f.name, f.file.name)
    )
    remarks = [*doubts]
    for other in others:
        reason = f"the same mammogram as {first.file.name}"
        if problem := difference(first, other):
            remarks.append(f"{other.file.name} is named as the same mammogram, but {problem}")
            reason = f"named as {reason}, but {problem}"
        builder.skip(other.file, reason)
    name = first.name
    builder.add_image(
        first.file,
        image_id=name.image_id,
        patient_id=name.patient_id,
        laterality=name.side[0],
        view=name.view,
        split_hint=split.part(name.patient_id),
        outcome="abnormal",
        complete="no" if doubts else "yes",
        density=next((lesion.density for lesion in lesions if lesion.density), ""),
        remarks=remarks,
    )
    return first


def _unlisted(files: Files, lesions: Iterable[Lesion]) -> set[str]:
    """Mammograms by id of which there are files of a lesion that no row of the tables names."""
    listed = {lesion.name for lesion in lesions}
    names = {named.name for of_subject in files.values() for named in of_subject}
    return {name.image_id for name in names if name.abnormality and name not in listed}


def _add_finding(
    builder: CatalogBuilder,
    lesion: Lesion,
    files: Files,
    mammogram: NamedFile,
    split: OfficialSplit,
) -> None:
    """The finding of a row, with its mask if there is one."""
    parts = sorted(files.get(lesion.name.subject, ()), key=lambda f: f.file.name)
    mask = choose_mask(parts, mammogram.shape)
    for part in parts:
        what = "the cropped image of a finding, or a copy of its mask"
        builder.skip(part.file, "the mask of a finding" if part is mask else what)
    remarks = [f"BI-RADS assessment {lesion.assessment}"]
    if lesion in split.borrowed:
        remarks.append(f"from the list {lesion.name.list_name}, on a mammogram of a test list")
    if mask is None:
        remarks.append("its mask is not there")
    builder.add_finding(
        lesion.name.image_id,
        finding_id=lesion.finding_id,
        kind=lesion.kind,
        pathology=lesion.pathology,
        geometry="mask" if mask else "none",
        coordinates={"file": mask.file.path.as_posix()} if mask else {},
        note="; ".join(remarks),
    )


def _skip_unused(
    builder: CatalogBuilder,
    files: Files,
    lesions: Iterable[Lesion],
    split: OfficialSplit,
    tables: Collection[str],
) -> None:
    """Say why the other files of the data set belong to no image of the catalog."""
    left_out = {lesion.name.image_id for lesion in split.left_out}
    abnormalities = {lesion.name for lesion in lesions}
    left = set(builder.left())
    for named in chain.from_iterable(files.values()):
        name = named.name
        if named.file not in left:
            continue
        if name.image_id in left_out:
            reason = "left out: on a training list, while its patient is a test patient"
        elif name.list_name not in tables:
            reason = f"{TABLES[name.list_name]}, which tells about it, is not there"
        elif name in abnormalities:
            reason = "its mammogram is not in data.root"
        else:
            reason = _NOT_NAMED
        builder.skip(named.file, reason)


def _tell(tables: Collection[str], split: OfficialSplit, catalog: Catalog) -> None:
    """What of the tables is on disk, and what was left out."""
    if missing := [file for list_name, file in TABLES.items() if list_name not in tables]:
        tell(
            f"{', '.join(missing)} not found: mammograms that only they name are left out, and "
            "lesions that they have on other mammograms may count as negative where their files "
            "are not there either"
        )
    lesions = (*split.kept, *split.borrowed)
    named, there = {lesion.name.image_id for lesion in lesions}, set(catalog.images["image_id"])
    absent = f"; not {some(sorted(named - there), most=3)}" if named - there else ""
    tell(
        f"{len(there)} of the {len(named)} mammograms that the tables name are in data.root, with "
        f"{len(catalog.findings)} of {len(lesions)} lesions{absent}"
    )
    if unnamed := [row.file for row in catalog.files.itertuples() if row.reason == _NOT_NAMED]:
        tell(f"{_NOT_NAMED}, so it is left out", unnamed)
    if split.shared_patients:
        tell(
            f"{len(split.shared_patients)} patients are on training and on test lists and "
            f"count as test patients: {len(split.left_out)} lesions on their training "
            f"mammograms are left out, {len(split.borrowed)} on test mammograms stay as truth"
        )
    if copies := catalog.files["reason"].str.startswith("the same mammogram as").sum():
        tell(f"{copies} files are copies of a mammogram; the lesions are united on one")
    without_mask = catalog.findings.loc[catalog.findings["geometry"] == "none", "finding_id"]
    if len(without_mask):
        what = "lesions without a mask: no position of their mammograms counts as negative"
        tell(what, list(without_mask))
