"""Data sets as nobody wants them: huge, linked, oddly named, of one class, of one patient."""

import os
import time
from functools import partial
from pathlib import Path

from pipeline.run.csv_tables import read_text_table
from pipeline.run.stage import peak_memory_mib, run_stage
from tests.fault_injection.child import Ended, in_child
from tests.fault_injection.dicom_files import plain_film
from tests.fault_injection.fault import Place, expect, fault
from tests.fault_injection.small_set import RUN, set_up, stage, write_films

MANY = 100_000
_NOT_UTF8 = "not-\\xff-utf8.dcm"  # as tables name it


def _rows() -> dict[str, dict[str, str]]:
    return {row["file"]: row for _, row in read_text_table(RUN.files_table).rows}


@fault("100,000 files")
def _many(place: Place) -> str:
    films = write_films(Path("data/films"))
    for number in range(MANY):
        folder = films / f"{number // 1000:03d}"
        if number % 1000 == 0:
            folder.mkdir()
        (folder / f"{number:06d}.txt").write_bytes(b"note")
    set_up()
    started = time.monotonic()
    first = in_child(partial(run_stage, "ingest", RUN.root))
    seconds = time.monotonic() - started
    expect(first.status == 0 and f"{MANY + 18} files" in first.text, first.text)
    expect(len(_rows()) == MANY + 18, f"{len(_rows())} rows")
    second = in_child(partial(run_stage, "ingest", RUN.root))
    expect("nothing changed" in second.text, second.text)
    return (
        f"{MANY + 18} rows in {seconds:.0f} s, looked through again in {second.seconds:.0f} s; "
        f"peak {peak_memory_mib():.0f} MiB"
    )


@fault("links: broken, to themselves, to folders above, out of the folder; pipes", quick=True)
def _links(place: Place) -> str:
    outside = Path("elsewhere")
    outside.mkdir()
    (outside / "far.dcm").write_bytes(plain_film())
    films = write_films(Path("data/films"))
    links: dict[str, str | Path] = {
        "broken.dcm": "nowhere/a.dcm",
        "loop.dcm": "loop.dcm",
        "up": "..",
        "out": outside.resolve(),
        "far.dcm": outside.resolve() / "far.dcm",
    }
    for name, target in links.items():
        (films / name).symlink_to(target)
    os.mkfifo(films / "pipe.dcm")
    set_up(more="dicom.workers=0")
    ended = in_child(partial(run_stage, "ingest", RUN.root))
    expect(ended.status == 0, ended.text)
    rows = _rows()
    for name in ("broken.dcm", "loop.dcm"):
        expect(rows.get(name, {}).get("status") == "failed", f"{name}: {rows.get(name)}")
    expect("3 linked folders, pipes or devices not entered" in ended.text, ended.text)
    expect(rows["far.dcm"]["status"] == "candidate", f"{rows['far.dcm']}")
    return "broken ones count as lost; linked folders and a pipe are named and not entered"


@fault("odd names of files; DICOMDIR", quick=True)
def _names(place: Place) -> str:
    odd = {
        "new\nline.dcm": "new\nline.dcm",
        "tab\tand, comma; \"quote'.dcm": "tab\tand, comma; \"quote'.dcm",
        "=1+1.dcm": "=1+1.dcm",
        "-rf.dcm": "-rf.dcm",
        "$(touch oops).dcm": "$(touch oops).dcm",
        "日本 🩻.dcm": "日本 🩻.dcm",
        "x" * 251 + ".dcm": "x" * 251 + ".dcm",
        os.fsdecode(b"not-\xff-utf8.dcm"): _NOT_UTF8,
    }
    directory = plain_film(SOPClassUID="1.2.840.10008.1.3.10")
    # An image each: one under several names would count once.
    films = {name: plain_film(number=100 + n) for n, name in enumerate(odd)}
    files = films | {"DICOMDIR": directory}
    folder = write_films(Path("data/films"))
    for name, data in files.items():
        (folder / name).write_bytes(data)
    set_up(more="dicom.workers=0")
    for name in ("ingest", "preprocess"):
        ended = in_child(partial(run_stage, name, RUN.root))
        expect(ended.status == 0, f"{name}: {ended.text[-800:]}")
    rows = {row["file"]: row for _, row in read_text_table(RUN.intake).rows}
    for name in odd.values():
        wanted = "failed" if name == _NOT_UTF8 else "used"
        expect(rows.get(name, {}).get("status") == wanted, f"{name!r}: {rows.get(name)}")
    expect(rows["DICOMDIR"]["status"] == "skipped", f"{rows['DICOMDIR']}")
    expect(not list(Path.cwd().rglob("oops")), "a name was executed")
    return f"{len(odd)} names, each with its row; DICOMDIR is skipped and not followed"


def _trained(**films) -> Ended:
    write_films(Path("data/films"), **films)
    set_up()
    for name in ("ingest", "preprocess", "train", "heatmap", "evaluate"):
        ended = stage(name)
        if ended.status:
            break
    return ended


@fault("data without abnormal findings")
def _negative(place: Place) -> str:
    return _told(_trained(abnormal=lambda number: False))


@fault("data that are all abnormal")
def _positive(place: Place) -> str:
    return _told(_trained(abnormal=lambda number: True))


@fault("data of one patient")
def _one_patient(place: Place) -> str:
    return _told(_trained(women=1))


def _told(ended: Ended) -> str:
    expect(ended.status == 0 or ended.is_sentence, f"{ended.status}: {ended.text[-800:]}")
    return ended.text.strip().splitlines()[-1] if ended.status else "goes through to the report"


@fault("a loss that is no number")
def _no_number(place: Place) -> str:
    place.base.before("train")
    set_up(more="train.learning_rate=1e30 train.clip_norm=1e30")
    ended = stage("train")
    expect(ended.is_sentence and "not a finite number" in ended.text, ended.text[-800:])
    expect(not RUN.model.exists(), "a model was written")
    return "a sentence, and no model"
