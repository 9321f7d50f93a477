"""Checkpoints: whole, complete, without pickle."""

import numpy as np
import pytest

from pipeline.model.validation import ImageScores
from pipeline.run.atomic import set_aside
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.train.loop.checkpoint import (
    Best,
    Checkpoint,
    TrainingState,
    checkpoint_path,
    history_text,
    read_checkpoint,
    write_checkpoint,
)

SCORES = [
    ImageScores(np.float32([1, 2, 3]), np.float32([4]), np.float32([-np.inf, 7])),
    ImageScores(np.float32([]), np.float32([5, 6]), np.float32([])),
]


def full_state() -> TrainingState:
    return TrainingState(
        step=3,
        validated=2,
        seconds=4.5,
        precision="float32",
        losses=[0.5, 0.25, 0.125],
        history=[{"epoch": 1, "step": 2, "validation_auc": None, "train_loss": 0.375}],
        best=Best(2, 0.75, 0.5, {"conv/kernel": np.float32([[1, 2]])}),
        pending=SCORES,
    )


def test_a_state_survives_the_file(tmp_path):
    path = tmp_path / "training" / "checkpoint.safetensors"
    # A view that does not lie in C order: safetensors would store its memory as it is.
    learner = {"w": np.arange(6, dtype=np.float32).reshape(2, 3).T, "count": np.int64(7)}
    write_checkpoint(path, Checkpoint(full_state(), learner, {"seed": "a"}))
    checkpoint = read_checkpoint(path)
    state, variables = checkpoint.state, checkpoint.learner
    want = full_state()
    assert checkpoint.identity == {"seed": "a"}
    assert np.array_equal(variables["w"], learner["w"])
    assert variables["count"].shape == ()
    assert variables["count"] == 7
    assert (state.step, state.validated, state.seconds) == (3, 2, 4.5)
    assert (state.precision, state.losses, state.history) == ("float32", want.losses, want.history)
    assert (state.best.step, state.best.auc, state.best.loss) == (2, 0.75, 0.5)
    assert np.array_equal(state.best.weights["conv/kernel"], [[1, 2]])
    for found, wanted in zip(state.pending, SCORES, strict=True):
        assert np.array_equal(found.logits, wanted.logits)
        assert np.array_equal(found.false_alarms, wanted.false_alarms)


def test_a_new_state_survives_as_well(tmp_path):
    write_checkpoint(tmp_path / "c.safetensors", Checkpoint(TrainingState(), {}, {}))
    found = read_checkpoint(tmp_path / "c.safetensors")
    assert found == Checkpoint(TrainingState(), {}, {})


def test_without_a_file_there_is_no_checkpoint(tmp_path):
    assert read_checkpoint(tmp_path / "none.safetensors") is None


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path):
    path = tmp_path / "c.safetensors"
    write_checkpoint(path, Checkpoint(TrainingState(step=1), {"a": np.ones(2)}, {}))
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_checkpoint(path, Checkpoint(TrainingState(step=object()), {}, {}))
    assert read_checkpoint(path).state.step == 1
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]


def test_a_damaged_checkpoint_says_what_to_do(tmp_path):
    path = tmp_path / "c.safetensors"
    write_checkpoint(path, Checkpoint(TrainingState(), {"a": np.ones(200)}, {}))
    whole = path.read_bytes()
    flips = [flipped(whole, at) for at in range(0, len(whole), 97)]
    for harmed in (whole[:500], b"", *flips):
        path.write_bytes(harmed)
        with pytest.raises(UserError, match=r"is damaged .* Move it away"):
            read_checkpoint(path)


def flipped(content: bytes, at: int) -> bytes:
    """One bit of the byte at `at` is another."""
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


def test_set_aside_never_overwrites(tmp_path):
    run = RunFolder(tmp_path)
    for text in ("first", "second"):
        run.training.mkdir()
        (run.training / "note").write_text(text)
        set_aside(run.training, run.set_aside)
    assert [(run.set_aside / f"training-{n}" / "note").read_text() for n in (1, 2)] == [
        "first",
        "second",
    ]
    assert checkpoint_path(run).parent == run.training


def test_the_history_is_csv_with_empty_unknowns():
    rows = [{"step": 50, "auc": None}, {"step": 100, "auc": 0.93333333}]
    assert history_text(rows) == "step,auc\n50,\n100,0.933333\n"
    assert history_text([]) == ""
