"""The lines of the user's table of findings, each with its image; what cannot be meant is told."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from types import MappingProxyType

from pipeline.annotations.coordinates import EXCHANGED, bounds, fits, outside_problem
from pipeline.ingest.alike import KnownIds
from pipeline.ingest.findings_csv import NORMAL, FindingLine
from pipeline.ingest.notes import tell
from pipeline.run.errors import UserError

_SHOWN = 3  # of several wrong lines
# Outlines that all lie within so many pixels of the corner, on images so many times larger.
_MOST_PERCENT, _TIMES_LARGER = 100, 4
# The share of the outlines outside their images that no slips of single lines explain.
_MOST_OUTSIDE = 0.25
# So many outlines of so many images, none beyond so much of its image, may be in a smaller one.
_MANY, _OF_IMAGES, _CORNER = 6, 4, 0.5


def join_findings(
    images: Mapping[str, dict],
    lines: Sequence[FindingLine],
    sizes: Mapping[str, tuple[int, int]] = MappingProxyType({}),
    *,
    lost: Collection[str] = (),
) -> dict[str, list[dict]]:
    """Findings by the id of their image; writes into the images what the table says of them.

    Args:
        images: columns of the catalog by file name, with their ids.
        sizes: rows and columns in pixels by file name, as far as they are known already.
        lost: names of files that cannot be read; lines about them are told and left out.

    Raises:
        UserError: a line names no image or several, contradicts another, or has the coordinates
            of another unit or order.
    """
    by_id = {image["image_id"]: [image] for image in images.values()}
    called: dict[str, dict[str, dict]] = defaultdict(dict)
    for name, image in images.items():
        called[PurePosixPath(name).name][image["image_id"]] = image  # copies are one image
    by_name = {name: list(of_name.values()) for name, of_name in called.items()}
    by_name |= {name: [image] for name, image in images.items()}  # a whole path is no guess
    names = {*lost, *(PurePosixPath(name).name for name in lost)} - set(by_name)
    if about_lost := [line.where for line in lines if line.file in names]:
        tell("lines about files that cannot be read, left out", about_lost)
        lines = [line for line in lines if line.file not in names]
    _check_named(lines, by_name, by_id)
    size_of = {image["image_id"]: sizes[name] for name, image in images.items() if name in sizes}
    ids = Counter(line.finding["finding_id"] for line in lines if line.finding["finding_id"])
    if ids and max(ids.values()) > 1:
        doubled = next(iter(ids.most_common(1)))[0]
        where = [line.where for line in lines if line.finding["finding_id"] == doubled]
        raise UserError(f"{where[1]}: finding_id {doubled} is that of {where[0]} as well.")
    known: set[tuple[str, str]] = set()
    findings: dict[str, list[dict]] = {image_id: [] for image_id in by_id}
    placed = []  # line, and size of its image
    drawn_on: dict[str, tuple[str, str]] = {}  # image and line by mask file
    twice = []
    for line in lines:
        what = line.file or line.image_id
        found = (by_name if line.file else by_id)[what]
        if len(found) > 1:
            raise UserError(f"{line.where}: {len(found)} files are called {what}; give the path.")
        image, image_id = found[0], found[0]["image_id"]
        for column, value in line.of_image.items():
            if (image_id, column) in known and image[column] != value:
                raise UserError(f"{line.where}: {column} of {image_id} is {image[column]} already.")
            known.add((image_id, column))
            image[column] = value
        outcome = "normal" if line.finding["kind"] == NORMAL else "abnormal"
        if image.setdefault("outcome", outcome) != outcome:
            raise UserError(f"{line.where}: {image_id} is called normal and has a finding.")
        if line.finding["geometry"] == "mask":
            mask = line.finding["coordinates"]["file"]
            other, first = drawn_on.setdefault(mask, (image_id, line.where))
            if other != image_id:
                raise UserError(
                    f"{line.where}: the mask {mask} is that of another image as well ({first}). "
                    "A mask is of one image; name its own."
                )
        has_place = line.finding["geometry"] != "none"
        if has_place and line.finding in findings[image_id]:
            twice.append(line.where)
            continue
        if outcome == "abnormal":
            findings[image_id].append(line.finding)
            if image_id in size_of and line.finding["geometry"] in ("circle", "box", "polygon"):
                placed.append((line, size_of[image_id]))
    _check_places(placed)
    if in_corner := _all_in_the_corner(placed):
        tell(in_corner)
    if twice:
        tell("lines that say what another says already, taken once", twice)
    return findings


def _check_named(
    lines: Sequence[FindingLine], by_name: Mapping[str, list], by_id: Mapping[str, list]
) -> None:
    """Refuse lines that are about no image; names the first with what was probably meant."""
    lost = [
        line
        for line in lines
        if (line.file not in by_name if line.file else line.image_id not in by_id)
    ]
    if not lost:
        return
    files, ids = KnownIds(by_name), KnownIds(by_id)
    shown = []
    for line in lost[:_SHOWN]:
        meant, why = files.meant(line.file) if line.file else ids.meant(line.image_id)
        like = f" (almost {meant!r}: {why})" if meant else ""
        shown.append(f"{line.where}: {line.file or line.image_id} is no image of data.root{like}")
    more = f"; and {len(lost) - _SHOWN} more lines" if len(lost) > _SHOWN else ""
    raise UserError(f"{'; '.join(shown)}{more}. Name a file below data.root, or take the line out.")


def _check_places(placed: Sequence[tuple[FindingLine, tuple[int, int]]]) -> None:
    """Refuse places that look like columns before rows, percentages, or pixels of other images."""
    boxes, outside = [], []
    for line, (height, width) in placed:
        geometry, value = line.finding["geometry"], line.finding["coordinates"]
        boxes.append((bounds(geometry, value), min(height, width)))
        problem = outside_problem(geometry, value, height=height, width=width)
        if problem.endswith(EXCHANGED):
            raise UserError(
                f"{line.where}: {problem}. Give the row first, then the column (y, then x), in "
                "every line of the table."
            )
        outside += [f"{line.where}: {problem}"] if problem else []
    if len(outside) > 1 and len(outside) >= _MOST_OUTSIDE * len(placed):
        raise UserError(
            f"{outside[0]}, and so do {len(outside)} of {len(placed)} outlines, as if they were in "
            "pixels of larger copies of the images. Give pixels of the images themselves."
        )
    if len(boxes) > 1 and all(
        size >= _MOST_PERCENT * _TIMES_LARGER and fits(box, _MOST_PERCENT + 1, _MOST_PERCENT + 1)
        for box, size in boxes
    ):
        raise UserError(
            f"{placed[0][0].where} and all {len(boxes)} outlines: no place is beyond pixel "
            f"{_MOST_PERCENT}, as if they were percentages of the image. Give pixels."
        )


def _all_in_the_corner(placed: Sequence[tuple[FindingLine, tuple[int, int]]]) -> str:
    """A sentence where many outlines of many images all lie near the first row and column."""
    images = {line.file or line.image_id for line, _ in placed}
    far = [0.0, 0.0]
    for line, size in placed:
        box = bounds(line.finding["geometry"], line.finding["coordinates"])
        far = [max(most, end / side) for most, end, side in zip(far, box[2:], size, strict=True)]
    if len(placed) < _MANY or len(images) < _OF_IMAGES or max(far) >= _CORNER:
        return ""
    return (
        f"all {len(placed)} outlines lie in the first {far[0]:.0%} of the rows and {far[1]:.0%} of "
        "the columns of their images, as if they were in pixels of smaller copies of them"
    )
