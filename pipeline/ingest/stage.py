"""The ingest stage: a data set becomes the catalog of a run.

Make calls it every time, so it first asks whether anything changed, without loading pandas.
"""

import hashlib
from dataclasses import replace
from itertools import permutations
from pathlib import Path

from pipeline.config import DataSettings, Settings
from pipeline.ingest.importers import Called, Request, as_it_is, data_sets, split_file
from pipeline.ingest.source_files import Listing, files_of, joined
from pipeline.run.atomic import read_json
from pipeline.run.checksum import value_sha256
from pipeline.run.csv_tables import read_text_table
from pipeline.run.errors import UserError
from pipeline.run.freshness import is_done
from pipeline.run.graph import GRAPH
from pipeline.run.layout import RunFolder
from pipeline.run.manifest import changed_inputs
from pipeline.run.object_path import ObjectPath, place
from pipeline.run.pseudonyms import (
    PRIVATE,
    TABLE,
    Pseudonyms,
    is_private,
    original,
    original_path,
    private_folder,
)
from pipeline.run.settings import load_settings
from pipeline.run.stage import Stage

# Importers of what is no DICOM.
_OF_THIS_MACHINE = ("mias", "ddsm")


def ingest(stage: Stage) -> str:
    """Write RUN/catalog unless it is up to date; return a line that sums it up.

    Raises:
        UserError: the data set is not there, or wrong in a way that the user can mend.
    """
    run, settings = stage.run, stage.settings
    known = read_json(run.catalog) or {}
    if known and _nothing_is_read(run) and _lies_elsewhere(settings.data):
        stage.events.nothing_to_do()
        return f"the data are not on this machine, and are not needed ({_counts(known)})"
    listing = _list_all(run, settings)
    pseudonyms = Pseudonyms() if settings.data.has_secrets else None
    if pseudonyms:
        _check_names(run, known, settings.data, pseudonyms)
    made_from = _fingerprint(listing, settings, pseudonyms)
    if known.get("fingerprint") == made_from and _all_there(run, known, listing):
        stage.events.nothing_to_do()
        return f"nothing changed ({_counts(known)})"
    return _import(run, settings, listing, pseudonyms)


def older_than_data(run: RunFolder) -> str:
    """What `make status` says of a catalog whose data set has changed since.

    Returns:
        "" where it has not, or where the data are not to be looked at from here.
    """
    known = read_json(run.catalog) or {}
    try:
        settings = load_settings(run)
        if not known or _lies_elsewhere(settings.data):
            return ""
        listing = _list_all(run, settings)
        pseudonyms = Pseudonyms() if settings.data.has_secrets else None
        made_from = _fingerprint(listing, settings, pseudonyms)
    except UserError:  # which the next make tells
        return ""
    if known.get("fingerprint") == made_from:
        return ""
    now, before = len(listing.files) + len(listing.broken_links), known["files"]
    return (
        f"older than the files of the data set ({now} now, {before} then); the next make reads "
        "them and redoes what changes with them"
    )


def _nothing_is_read(run: RunFolder) -> bool:
    """Whether all that is made of the files of the data set is there, by the same settings."""
    return not changed_inputs(GRAPH["ingest"], run) and is_done(GRAPH["preprocess"], run)


def _lies_elsewhere(data: DataSettings) -> bool:
    """Whether no data set is here: a run whose store was copied goes on without them."""
    roots = [place(original(str(each.root))) for each in data_sets(data).values()]
    return not _has_phantom(data) and not any(root.exists() for root in roots)


def _check_names(run: RunFolder, known: dict, data: DataSettings, pseudonyms: Pseudonyms) -> None:
    """Refuse a run that holds the names as they are, or pseudonyms by another key."""
    if known.get("importer") != data.importer:
        return
    key_check = known.get("pseudonyms")
    if not key_check:
        raise UserError(
            f"{run.root} holds patient ids and names of files as they are: it was made by an "
            "earlier release or with data.pseudonyms=false. Take another RUN, which gets "
            "pseudonyms, and delete this one and its runs in MLflow; or, where these names tell "
            'nothing, keep them: SET="data.pseudonyms=false".'
        )
    if key_check != pseudonyms.key_check:
        raise UserError(
            f"{run.root} has pseudonyms by another key than that in {private_folder()}: none of "
            f"its patients would be known again. Name the folder of its key, {PRIVATE}=..., or "
            "take another RUN."
        )


def _import(
    run: RunFolder, settings: Settings, listing: Listing, pseudonyms: Pseudonyms | None
) -> str:
    from pipeline.ingest.catalog import write_catalog
    from pipeline.ingest.pseudonymised import pseudonymised
    from pipeline.ingest.read_data_set import read_data_set, with_broken_links

    data = settings.data
    made_from = _fingerprint(listing, settings, pseudonyms)
    called = pseudonyms.of if pseudonyms else as_it_is
    request = Request(
        data,
        settings.phantom,
        listing.files,
        _wrapped(settings),
        limits=settings.dicom,
        called=called,
    )
    catalog = read_data_set(request)
    if _has_phantom(data):  # it has just written its files
        listing = _list_all(run, settings)
        made_from = _fingerprint(listing, settings, pseudonyms)
    missed = {file.name for file in listing.files} ^ set(catalog.files["file"])
    if missed:
        raise UserError(
            f"{len(missed)} files appeared or vanished during ingest, such as {min(missed)}. "
            "Run it again when nothing writes into data.root."
        )
    catalog = with_broken_links(catalog, listing.broken_links)
    roots = {name: called("path", str(each.root)) for name, each in data_sets(data).items()}
    root = ", ".join(f"{name}: {each}".removeprefix(": ") for name, each in roots.items())
    catalog = pseudonymised(catalog, called)
    if note := _not_entered(listing, called):
        catalog = replace(catalog, notes=(*catalog.notes, note))
    if pseudonyms:
        pseudonyms.keep()  # before anything goes by them
    key_check = pseudonyms.key_check if pseudonyms else ""
    write_catalog(
        run,
        catalog,
        importer=data.importer,
        root=root,
        fingerprint=made_from,
        key_check=key_check,
    )
    note = _not_entered(listing, as_it_is)
    return _counts(read_json(run.catalog)) + (f"; {note}" if note else "")


def _not_entered(listing: Listing, called: Called) -> str:
    """What nobody looked into, which may hold images; "" where there is nothing."""
    names = listing.not_entered
    what = f"{len(names)} linked folders, pipes or devices not entered"
    return f"{what}, such as {called('file', names[0])}" if names else ""


def _wrapped(settings: Settings) -> Path:
    """Where an importer puts the DICOM files that it makes of other formats."""
    return settings.store.root / "dicom" / settings.data.importer


def _list_all(run: RunFolder, settings: Settings) -> Listing:
    """The files of all data sets; those of several have the set's name as first folder."""
    sets = data_sets(settings.data)
    for (inner, data), (outer, other) in permutations(sets.items(), 2):
        if data.root.resolve().is_relative_to(other.root.resolve()):
            raise UserError(
                f"The sets {inner} and {outer} of data.sets share files: {data.root} lies inside "
                f"{other.root}. Keep them apart."
            )
    outputs = {"RUN": run.root, "store.root": settings.store.root}
    if settings.data.has_secrets:
        outputs[PRIVATE] = private_folder()
        if private_folder().resolve().is_relative_to(run.root.resolve()):
            raise UserError(
                f"{PRIVATE}={private_folder()} lies inside RUN={run.root}, and with it the key "
                "would be handed on. Choose another folder."
            )
    return joined(_list_root(name, data, outputs) for name, data in sets.items())


def _list_root(name: str, data: DataSettings, outputs: dict[str, Path]) -> Listing:
    root = original_path(str(data.root))
    where, setting = f"data.root={root}", "data.root=FOLDER"
    if name:
        where = f"{root} (set {name} of data.sets)"
        setting = f"data.sets={name}={data.importer}:FOLDER,..."
    if data.importer == "phantom" and not root.is_dir():
        return Listing((), ())
    if not root.exists():
        raise UserError(
            f"{where} is no folder and no file. Name the folder of the data set, a file of it or a "
            f'list of its files: SET="{setting}".'
        )
    if isinstance(root, ObjectPath) and data.importer in _OF_THIS_MACHINE:
        raise UserError(
            f"{where} is on an object store, and importer {data.importer} reads pictures, which "
            "must lie on this machine. Copy them here."
        )
    for what, folder in outputs.items():
        if folder.resolve().is_relative_to(root.resolve()):
            raise UserError(
                f"{what}={folder} lies inside {where}, so results would be taken for data. "
                f"Choose another {what} or data.root."
            )
    try:
        front = f"{name}/" if name else ""
        return files_of(root, front=front)
    except PermissionError as error:
        raise UserError(f"{error.filename} cannot be read. Mend its permissions.") from error


def _has_phantom(data: DataSettings) -> bool:
    return any(each.importer == "phantom" for each in data_sets(data).values())


def _fingerprint(listing: Listing, settings: Settings, pseudonyms: Pseudonyms | None = None) -> str:
    """Changes with the files, with the tables outside data.root, and with settings that matter."""
    data = settings.data
    named = data.model_dump(mode="json", exclude={"pseudonyms"})
    tree: dict = {"data": named, "wrapped": str(_wrapped(settings))}
    if _has_phantom(data):
        tree["phantom"] = settings.phantom.model_dump(mode="json")
    sets = data_sets(data).values()
    given = (data.split, *(path for each in sets for path in (each.findings, each.split)))
    for path in filter(None, given):  # a file, or the files of a folder
        for file in path.iterdir() if path.is_dir() else [path]:
            if file.is_file():
                status = file.stat()
                tree[str(file)] = [status.st_size, status.st_mtime_ns]
    if any(split_file(each) for each in (data, *sets)):
        tree["split"] = "a table of the catalog"  # which earlier releases did not write
    digest = hashlib.sha256(value_sha256(tree).encode())
    for source in (*listing.files, *listing.broken_links):
        digest.update(f"\0{source.name}\0{source.size}\0{source.mtime_ns}".encode())
    content = digest.hexdigest()
    return pseudonyms.hashed("files", content) if pseudonyms else content


def _all_there(run: RunFolder, known: dict, listing: Listing) -> bool:
    """Whether the tables and every DICOM file that they name exist."""
    if not all((run.catalog.parent / table).is_file() for table in known["tables"]):
        return False
    images = read_text_table(run.images_table).rows
    listed = {str(file.path) for file in listing.files}
    files = (original(row["file"]) for _, row in images)
    return all(file in listed or place(file).exists() for file in files)


def _counts(known: dict) -> str:
    without = known.get("without_place", 0)  # which earlier releases did not count
    place = f" ({without} without a place)" if without else ""
    hidden = any(is_private(word) for word in known["root"].split())
    table = private_folder() / TABLE
    meant = f" (private:... is the pseudonym of a folder, whose name is in {table})"
    return (
        f"{known['files']} files, {known['images']} images of {known['patients']} patients, "
        f"{known['findings']} findings{place} from {known['root']}"
        f"{meant if hidden else ''}"
    )
