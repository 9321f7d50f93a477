"""What a stage left is what the next one reads: as it was written, or not at all."""

import pytest

from pipeline.config import Settings
from pipeline.run.checksum import file_sha256
from pipeline.run.freshness import is_done
from pipeline.run.graph import GRAPH, Node
from pipeline.run.layout import RunFolder
from pipeline.run.manifest import changed_since, is_unfinished, read_manifest, write_manifest
from pipeline.run.settings import Remembered, remember
from pipeline.run.stage import run_stage

CSV = "image_id,split\na,train\nb,test\n"


@pytest.fixture
def run(tmp_path) -> RunFolder:
    run = RunFolder(tmp_path / "run")
    remember(run, Settings(), Remembered("configs/default.yaml"))
    return run


@pytest.fixture
def left(run) -> RunFolder:
    """A run folder as preprocess leaves it."""
    run.mammograms.write_text(CSV)
    run.outlines.write_text("{}")
    run.positions.write_bytes(b"rows")
    run.preprocess_summary.write_text("{}")
    write_manifest(GRAPH["preprocess"], run)
    return run


@pytest.mark.parametrize("content", [CSV[:-7], CSV.replace("b", "c"), "", None])
def test_a_table_that_is_not_as_it_was_left_stops_the_next_stage(left, capsys, content):
    assert changed_since(GRAPH["preprocess"], left) is None
    if content is None:
        left.mammograms.unlink()
    else:
        left.mammograms.write_text(content)
    with pytest.raises(SystemExit):
        run_stage("train", left.root)
    said = capsys.readouterr().err
    assert f"{left.mammograms} is not as make preprocess left it" in said
    assert "make preprocess FORCE=1 makes it anew" in said


def test_what_no_later_stage_reads_has_a_checksum_too_and_may_change(left):
    left.contact_sheet.write_bytes(b"picture")
    left.breast("a").parent.mkdir()
    left.breast("a").write_bytes(b"breast")
    write_manifest(GRAPH["preprocess"], left)
    also = read_manifest(GRAPH["preprocess"], left)["also"]
    assert also["contact-sheet.png"] == file_sha256(left.contact_sheet)
    assert set(also) == {"contact-sheet.png", "breast/a.png", "preprocess.json"}
    left.contact_sheet.unlink()
    assert changed_since(GRAPH["preprocess"], left) is None


def test_a_damaged_manifest_is_not_trusted(left):
    left.manifest("preprocess").write_text("[1, 2")
    assert changed_since(GRAPH["preprocess"], left) == left.manifest("preprocess")


def test_a_run_of_before_has_none_and_goes_on(left):
    left.manifest("preprocess").unlink()
    left.mammograms.write_text("")
    assert changed_since(GRAPH["preprocess"], left) is None


def work_on(run: RunFolder, content: str) -> Node:
    """A stage like ingest, which leaves its catalog alone or writes it."""

    def work(_stage):
        if not run.catalog.is_file():
            run.catalog.parent.mkdir(exist_ok=True)
            run.catalog.write_text(content)
            run.images_table.write_text(CSV)
        return "done"

    class Looks(Node):
        work = property(lambda node: work)

    return Looks("ingest", "", "catalog", (), (), (), GRAPH["ingest"].leaves, always=True)


def test_ingest_makes_a_changed_catalog_anew_and_leaves_a_whole_one_alone(run, monkeypatch):
    monkeypatch.setitem(GRAPH, "ingest", work_on(run, "1"))
    run_stage("ingest", run.root)
    monkeypatch.setitem(GRAPH, "ingest", work_on(run, "2"))
    run_stage("ingest", run.root)
    assert run.catalog.read_text() == "1"
    run.images_table.write_text(CSV[:-7])  # cut at the end of a line
    run_stage("ingest", run.root)
    assert (run.catalog.read_text(), run.images_table.read_text()) == ("2", CSV)
    assert changed_since(GRAPH["ingest"], run) is None


@pytest.mark.parametrize(
    ("goals", "said"),
    [
        (None, "next: make preprocess"),  # the script by itself
        ("ingest", "next: make preprocess"),
        ("preprocess heatmap", ""),
        ("more", ""),
        ("intake", "next: look at"),  # which is done: nothing comes after ingest
    ],
)
def test_only_the_last_stage_says_what_comes_next(run, monkeypatch, capsys, goals, said):
    monkeypatch.delenv("MAMMO_GOALS", raising=False)
    if goals is not None:
        monkeypatch.setenv("MAMMO_GOALS", goals)
    monkeypatch.setitem(GRAPH, "ingest", work_on(run, "1"))
    run_stage("ingest", run.root)
    run.intake_summary.write_text("{}")
    capsys.readouterr()
    run_stage("ingest", run.root)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ingest: done"
    assert lines[1:] == [] if not said else lines[1].startswith(said)


def test_a_stage_whose_inputs_change_while_it_works_is_refused_and_not_done(
    left, monkeypatch, capsys
):
    def work(_stage):
        left.preprocess_summary.write_text('{"another": 1}')
        left.model_file.parent.mkdir()
        left.model_file.write_text("{}")
        return "done"

    class Works(Node):
        work = property(lambda node: work)

    node = Works(**vars(GRAPH["train"]))
    monkeypatch.setitem(GRAPH, "train", node)
    with pytest.raises(SystemExit) as ended:
        run_stage("train", left.root)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert f"{left.preprocess_summary} changed while it was worked with" in said
    assert is_unfinished(node, left) and not is_done(node, left)


def test_a_stage_that_dies_leaves_no_checksums_of_an_earlier_one(left, monkeypatch):
    class Dies(Node):
        work = property(lambda node: lambda stage: 1 / 0)

    node = GRAPH["preprocess"]
    dying = Dies("preprocess", "", node.writes_last, (), ("store",), (), node.leaves)
    monkeypatch.setitem(GRAPH, "preprocess", dying)
    with pytest.raises(ZeroDivisionError):
        run_stage("preprocess", left.root)
    assert "left" not in read_manifest(node, left)
    assert is_unfinished(node, left)
