"""Models that somebody sent: nothing in them is executed, and what is wrong is a sentence."""

import json
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from pipeline.model.card import card_path
from pipeline.model.folder import WEIGHTS
from pipeline.run.checksum import file_sha256
from pipeline.run.layout import RunFolder
from tests.fault_injection.child import in_child
from tests.fault_injection.fault import Place, expect, fault
from tests.fault_injection.small_set import RUN, set_up, stage

_OTHER = RunFolder(Path("runs/other"))
_OOPS = Path("oops").absolute


class _Payload:
    """What creates a file when it is unpickled."""

    def __init__(self, place: Path):
        self.place = str(place)

    def __reduce__(self):
        return Path.touch, (Path(self.place),)


def _weights_by_suffix(place: Path) -> dict[str, bytes]:
    """Hostile files by suffix."""
    import h5py

    pickled = pickle.dumps(_Payload(place))
    objects, keras_file = Path("objects.npy"), Path("a.h5")
    np.save(objects, np.array([_Payload(place)], dtype=object), allow_pickle=True)
    with h5py.File(keras_file, "w") as file:
        layer = {"class_name": "Lambda", "config": {"function": "open('oops', 'w')"}}
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": [layer]})
    found = {
        ".pickle": pickled,
        ".pt": pickled,
        ".npy": objects.read_bytes(),
        ".h5": keras_file.read_bytes(),
        ".weights.h5": keras_file.read_bytes(),
        ".keras": b"PK\3\4" + bytes(200),
        ".safetensors": b"\xff" * 8 + pickled,
    }
    objects.unlink()
    keras_file.unlink()
    return found


@fault("hostile weights: .keras, .h5, pickle, .npy with objects")
def _weights(place: Place) -> str:
    oops, count = Path.cwd() / "oops", 0
    # As the weights of a model, under its name and with its checksum.
    place.base.before("heatmap")
    files = _weights_by_suffix(oops)
    for content in files.values():
        (RUN.model / WEIGHTS).write_bytes(content)
        _edit_card(lambda tree: tree.update(sha256=file_sha256(RUN.model / WEIGHTS)))
        RUN.manifest("train").unlink(missing_ok=True)
        count += _refused("heatmap", oops)
    # As the model of another run, and as what a training starts from.
    for suffix, content in files.items():
        sent = Path(f"sent{suffix}")
        sent.write_bytes(content)
        for more in (f"network.weights={sent}", f"train.init={sent}"):
            place.base.before("train")
            # In a child: what settings find wrong is a sentence, too.
            count += _refused("train", oops, more=f"network.backbone=MobileNetV2 {more}")
        count += _refused("heatmap", oops, model=str(sent))
    return f"{count} of {count} refused with a sentence, none executed"


def _edit_card(edit: Callable[[dict], object]) -> None:
    path = card_path(RUN.model)
    tree = json.loads(path.read_text())
    edit(tree)
    path.write_text(json.dumps(tree))


def _refused(name: str, oops: Path, *, more: str = "", model: str = "") -> int:
    if more or model:
        done = in_child(partial(_set_up_as_a_command, more, model))
        expect(not oops.exists(), f"{more}{model}: executed")
        if done.status:
            expect(done.is_sentence, f"{more}{model}: {done.text[-600:]}")
            return 1
    ended = stage(name)
    expect(not oops.exists(), f"{more}{model}: executed")
    expect(ended.is_sentence, f"{more}{model}: {ended.status}: {ended.text[-600:]}")
    return 1


def _set_up_as_a_command(more: str, model: str) -> None:
    from pipeline.run.errors import UserError

    try:
        set_up(_OTHER if model else RUN, more=more, model=model)
    except UserError as error:
        print(error)
        raise SystemExit(2) from error


@fault("hostile descriptions of models, and weights that are no numbers")
def _cards(place: Place) -> str:
    edits: dict[str, Callable[[dict], object]] = {
        "no calibration": lambda tree: tree.pop("calibration"),
        "text for a number": lambda tree: tree["network"].update(patch_px="32"),
        "temperature 0": lambda tree: tree["calibration"].update(temperature=0),
        "temperature NaN": lambda tree: tree["calibration"].update(temperature=float("nan")),
        "a million members": lambda tree: tree["network"].update(members=10**6),
        "a thousand members": lambda tree: tree["network"].update(members=1000),
        "a huge width": lambda tree: tree["network"].update(width=10**7),
        "a huge patch": lambda tree: tree["network"].update(patch_px=2**30),
        "many sizes": lambda tree: tree["maps"].update(zooms=[1.0] * 10**5),
        "a path as backbone": lambda tree: tree["network"].update(backbone="../../etc/passwd"),
        "the future": lambda tree: tree.update(format=99),
    }
    place.base.before("heatmap")
    whole = card_path(RUN.model).read_bytes()
    oops = Path.cwd() / "oops"
    RUN.manifest("train").unlink()
    for edit in edits.values():
        card_path(RUN.model).write_bytes(whole)
        _edit_card(edit)
        _refused("heatmap", oops)
    texts = (b"", b"[1, 2]", b"{", b"\xff\xfe", b"[" * 10**5, whole[: len(whole) // 2])
    for text in texts:
        card_path(RUN.model).write_bytes(text)
        _refused("heatmap", oops)
    card_path(RUN.model).write_bytes(whole)
    weights = load_file(RUN.model / WEIGHTS)
    save_file({n: np.full_like(array, np.nan) for n, array in weights.items()}, RUN.model / WEIGHTS)
    _edit_card(lambda tree: tree.update(sha256=file_sha256(RUN.model / WEIGHTS)))
    ended = stage("heatmap")
    expect(ended.is_sentence and "not finite numbers" in ended.text, ended.text[-600:])
    return f"{len(edits) + len(texts) + 1} of {len(edits) + len(texts) + 1} told in a sentence"
