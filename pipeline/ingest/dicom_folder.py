"""Any folder of DICOM files, with or without a table of findings.

Only the clear cases are decided here; whether a DICOM file is a mammogram, the reader says.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from pipeline.dicom.file_format import PACKED, damage_of, pixel_data_sha256
from pipeline.dicom.header import Header, name_without_image, reading_sha256
from pipeline.dicom.selection import NO_IMAGE
from pipeline.ingest.catalog import Catalog
from pipeline.ingest.catalog_builder import CatalogBuilder
from pipeline.ingest.cbis_ddsm.names import parse_name
from pipeline.ingest.findings_csv import FindingLine, users_findings
from pipeline.ingest.headers import read_headers
from pipeline.ingest.ignored_files import (
    DICOM_SUFFIXES,
    NOT_DICOM,
    kind_of_file,
    kind_of_name,
    left_behind,
    not_dicom,
)
from pipeline.ingest.image_ids import image_ids
from pipeline.ingest.importers import Request
from pipeline.ingest.join_findings import join_findings
from pipeline.ingest.mask_references import check_references
from pipeline.ingest.notes import tell
from pipeline.ingest.source_files import SourceFile
from pipeline.run.map_images import Lost

_NOT_RENAMED = (
    "the table of findings gives other images with its Patient ID another patient_id: two patients"
)
_DOUBLED = "its SOP Instance UID is that of a file with other pixels: each counts by itself"
_MIDDLE = 2**16  # bytes of the pixels, which hardly ever agree where all do not
_MOST_IDS = 8  # of one woman, where each of her images has got an id
_COPY = "a copy: another file has the same pixels of the same patient, side and view"


def read(request: Request, *, copies_count: bool = False) -> Catalog:
    """Catalog of a folder of DICOM files.

    Args:
        copies_count: each file is an image, also one that is there twice.

    Raises:
        UserError: the table of findings is wrong or names an image that is not there.
    """
    builder = CatalogBuilder(request.files, dataset="dicom", of_hospital=True)
    lines = users_findings(request, builder)
    named = {line.file for line in lines}
    whole: list[SourceFile] = []
    headers: dict[SourceFile, Header] = {}
    damaged: dict[SourceFile, str] = {}
    for file in builder.left():
        if reason := not_dicom(file):
            damage = damage_of(file.path) if reason == NOT_DICOM else reason
            if damage and not (damage == PACKED and kind_of_file(file, "")):  # no archive
                damaged[file] = damage
            elif named & {file.name, file.path.name}:
                builder.fail(file, "not DICOM, though the table of findings names it")
            else:
                builder.skip(file, kind_of_file(file, reason))
        else:
            whole.append(file)
    for file, header in read_headers(request, whole).items():
        if isinstance(header, Lost):
            damaged[file] = f"its header: {header.reason}"
        elif header and header.is_directory:
            builder.skip(file, "DICOMDIR, a list of other files")
        elif header and (name := _without_image(header)):
            builder.skip(file, f"{NO_IMAGE}: {name}")
        else:
            headers[file] = header or Header()  # the reader says what is wrong
    _end_damaged(damaged, headers, builder)
    ids = image_ids([file.name for file in headers])
    images: dict[str, dict] = {}
    for file, header in headers.items():
        # Study or folder stands for a patient without a number.
        folder = PurePosixPath(file.name).parent.as_posix().removeprefix(".")
        images[file.name] = {
            "image_id": ids[file.name],
            "patient_id": _patient(header) or header.study_uid or folder or ids[file.name],
            "laterality": header.laterality,
            "view": header.view,
        }
    uids: dict[str, set[str]] = defaultdict(set)
    copies = {} if copies_count else _copies(headers, images)
    for copy, kept in copies.items():  # what the table says of either is said of one image
        images[copy.name] = images[kept.name]
        builder.skip(copy, _COPY)
        uids[ids[kept.name]].add(headers.pop(copy).instance_uid)
    if copies:
        tell(_COPY, [copy.name for copy in copies])
    lines = _of_readable(lines, damaged, images)
    said = {name: image["patient_id"] for name, image in images.items()}
    sizes = {file.name: header.shape for file, header in headers.items() if header.shape}
    findings = join_findings(images, lines, sizes, lost=builder.failed())
    of_patient: dict[str, list[Header]] = defaultdict(list)
    for file, header in headers.items():
        uids[ids[file.name]].add(header.instance_uid)
        of_patient[images[file.name]["patient_id"]].append(header)
    check_references(request, findings, uids)
    several = {patient: [*_several_women(of)] for patient, of in of_patient.items()}
    renamed = {said[name] for name, image in images.items() if image["patient_id"] != said[name]}
    doubled = _with_the_number_of_another(headers)
    for file, header in headers.items():
        image, found = images[file.name], findings[ids[file.name]]
        remarks = [*_remarks(header), *several[image["patient_id"]]]
        remarks += [_NOT_RENAMED] if image["patient_id"] in renamed else []
        remarks += [_DOUBLED] if file in doubled else []
        builder.add_image(file, remarks=remarks, findings=found, **image)
    return replace(builder.catalog(), alike=_one_woman_twice(headers, images))


def _of_readable(
    lines: Iterable[FindingLine], damaged: Iterable[SourceFile], images: Mapping[str, dict]
) -> list[FindingLine]:
    """The lines of the table without those about damaged files, which are lost with them."""
    gone = {name for file in damaged for name in (file.name, file.path.name, file.path.stem)}
    gone -= {image["image_id"] for image in images.values()} | set(images)
    about = [line for line in lines if (line.file or line.image_id) in gone]
    if about:
        tell("lines about files that cannot be read", [line.where for line in about])
    return [line for line in lines if line not in about]


def _without_image(header: Header) -> str:
    name = name_without_image(header.sop_class)
    return name if not header.shape or "Segmentation" in name else ""


def _patient(header: Header) -> str:
    """Patient ID as it stands; whole names of CBIS-DDSM have the patient in them."""
    name = parse_name(header.patient_id)
    return name.patient_id if name else header.patient_id


def _remarks(header: Header) -> Iterator[str]:
    """Doubts whose image it is, and of what."""
    if not header.patient_id:
        yield "no Patient ID: the study or folder stands for it"
    elif _patient(header) != header.patient_id:
        yield "Patient ID is a name of CBIS-DDSM, of which P_ and five digits are the patient"
    if header.modality == "MG" and not (header.laterality and header.view):
        yield "its header does not say side and view in words that are known: one is unknown"


def _several_women(headers: Sequence[Header]) -> Iterator[str]:
    """Why the files of one patient may be of several women."""
    for what, values in (
        ("dates of birth", {header.birth_date for header in headers}),
        ("issuers of the Patient ID", {header.issuer for header in headers}),
    ):
        if len(values - {""}) > 1:
            yield f"its patient has several {what}: perhaps several women under one Patient ID"


def _one_woman_twice(
    headers: Mapping[SourceFile, Header], images: Mapping[str, dict]
) -> tuple[tuple[str, str, str], ...]:
    """Pairs of patient ids that share a study, or name and date of birth; and which of these."""
    pairs: dict[tuple[str, str], str] = {}
    for why, of in (
        ("images of one study", lambda header: header.study_uid),
        ("one name and date of birth", lambda header: header.person),
    ):
        patients: dict[str, set[str]] = defaultdict(set)
        for file, header in headers.items():
            patients[of(header)].add(images[file.name]["patient_id"])
        patients.pop("", None)
        for first, *others in map(sorted, patients.values()):
            if len(others) < _MOST_IDS:  # more have got one study or name in place of their own
                for other in others:
                    pairs.setdefault((first, other), why)
    return tuple((*pair, why) for pair, why in sorted(pairs.items()))


def _with_the_number_of_another(headers: Mapping[SourceFile, Header]) -> set[SourceFile]:
    """Files that share their SOP Instance UID and not their pixels, as PS3.5 9 does not allow."""
    of_number: dict[str, list[SourceFile]] = defaultdict(list)
    for file, header in headers.items():
        of_number[header.instance_uid].append(file)
    of_number.pop("", None)
    groups = [files for files in of_number.values() if len(files) > 1]
    differ = (g for g in groups if len({pixel_data_sha256(file.path) for file in g} - {""}) > 1)
    return {file for group in differ for file in group}


def _copies(
    headers: Mapping[SourceFile, Header], images: Mapping[str, dict]
) -> dict[SourceFile, SourceFile]:
    """Files that were sent or linked twice, under whatever UIDs, and the file that counts.

    Only images whose headers agree in what decides whether and how they are used are compared: few
    are of one patient, side and view, and few of these agree in their middle, so few are read.
    """
    alike: dict[tuple, list[SourceFile]] = defaultdict(list)
    for file, header in headers.items():
        if header.shape:
            image = images[file.name]
            of = (image["patient_id"], image["laterality"], image["view"], header.shape)
            alike[(*of, header.modality, header.sop_class, header.spacing_mm)].append(file)
    # Of a million under one id few have the same middle. Of the same pixels one header may be
    # damaged, and then the other file is the one that can be read.
    similar = _with_the_same(partial(pixel_data_sha256, middle=_MIDDLE), alike.values())
    same = _with_the_same(reading_sha256, _with_the_same(pixel_data_sha256, similar))
    return {copy: first for first, *others in same for copy in others}


def _with_the_same(
    checksum: Callable[[Path], str], groups: Iterable[list[SourceFile]]
) -> Iterator[list[SourceFile]]:
    """Those files of each group that have the same checksum, which is not ""."""
    for group in groups:
        same: dict[str, list[SourceFile]] = defaultdict(list)
        for file in group if len(group) > 1 else ():
            same[checksum(file.path)].append(file)
        same.pop("", None)
        yield from (files for files in same.values() if len(files) > 1)


def _end_damaged(
    damaged: Mapping[SourceFile, str], readable: Iterable[SourceFile], builder: CatalogBuilder
) -> None:
    """Files of which nothing can be read are lost images if they are named like DICOM files.

    So they are by their suffix, or where a DICOM file of the same folder has the same.
    """
    names = {(file.path.parent, kind_of_name(file)) for file in readable}
    for file, reason in damaged.items():
        place = (file.path.parent, kind_of_name(file))
        lost = kind_of_name(file) in DICOM_SUFFIXES or place in names
        if lost and not left_behind(file):
            builder.fail(file, reason)
        else:
            builder.skip(file, reason)
