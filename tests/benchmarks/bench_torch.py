"""The map beside MONAI's sliding window, and a training step beside PyTorch.

Both have EfficientNet-Lite0 with the same weights, in a process of the environment .venv-torch. A
part of the image is timed, and its time scaled to all positions of the map.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from models.dense import logit_map
from models.efficientnet_lite0 import blocks
from models.network import NetworkSpec, PatchNetwork, build_network
from pipeline.run.bounded_worker import KEEP_FREED
from pipeline.run.errors import UserError
from pipeline.run.map_images import default_workers
from tests.benchmarks.bench_maps import PITCH_PX, SHAPE
from tests.benchmarks.bench_reader import mammogram_like
from tests.benchmarks.bench_training import (
    BATCH,
    DECAY,
    NAME,
    RATE,
    SETTINGS,
    learning,
    steps_of,
)
from tests.benchmarks.measure import Elsewhere, Row, Way, interleaved

PYTHON = Path(os.environ.get("TORCH_PYTHON", ".venv-torch/bin/python"))
SPEC, PART_PX, PATCHES = NetworkSpec("efficientnet_lite0", 128), 512, 8


def rows(repeats: int = 15) -> list[Row]:
    """Ours and theirs in turn.

    Raises:
        UserError: the environment is not there.
    """
    if not PYTHON.is_file():
        raise UserError(f"{PYTHON} is not there: make bench BENCH=torch gets it, 3 GB.")
    network = build_network(SPEC, weights="imagenet")
    image = mammogram_like(SHAPE, seed=0).astype(np.float32) / 4095
    learner, crops, targets = learning()
    batches = tf.data.Dataset.from_tensor_slices((crops, targets)).batch(BATCH).cache()
    patches = crops[:PATCHES, : SPEC.patch_px, : SPEC.patch_px]
    arrays = {
        **_weights(network),
        "image": image[:PART_PX, :PART_PX],
        "crops": crops.transpose(0, 3, 1, 2),
        "targets": targets.astype(np.float32),
        "patches": patches.transpose(0, 3, 1, 2),
    }
    with _torch(network, arrays) as (version, logits, windows, torch_steps):
        apart = float(np.abs(network(patches).numpy() - logits).max())
        ours = {
            "map": lambda: logit_map(network, image, pitch_px=PITCH_PX),
            "steps": steps_of(learner, batches),
        }
        of = ours | {"windows": windows, "PyTorch": torch_steps}
        times = interleaved(of, max(3, repeats // 3))
    positions = ours["map"]().size
    timed = ((PART_PX - SPEC.patch_px) // PITCH_PX + 1) ** 2
    scaled = f"{timed} windows of {positions} timed"
    equal = f"PyTorch {version}, logits of a patch apart by {apart:.0e} at most"
    name = f"map of {SHAPE[0]} x {SHAPE[1]} at {PITCH_PX} px, EfficientNet-Lite0"
    return [
        times.times(windows=positions / timed).row(
            f"{name}, against MONAI's sliding window",
            *("map", "windows"),
            target=20,
            note=f"{scaled}; {equal}",
        ),
        times.row(f"{NAME}, against PyTorch", "steps", "PyTorch", note=f"PyTorch {version}"),
    ]


def _weights(network: PatchNetwork) -> dict[str, np.ndarray]:
    """Kernels as the convolutions use them, and what they add, by layer."""
    found = {}
    for layer in network.layers:
        if hasattr(layer, "effective_kernel"):
            kernel, shift = layer.effective_kernel(), layer.shift
        elif layer.name == "logit":
            kernel, shift = layer.kernel, layer.bias
        else:
            continue
        found[f"{layer.name}/kernel"], found[f"{layer.name}/shift"] = map(np.array, (kernel, shift))
    return found


@contextmanager
def _torch(network: PatchNetwork, arrays: dict) -> Iterator[tuple[str, np.ndarray, Way, Way]]:
    """Its version, its logits of the patches, and its ways, done by a process of its own."""
    given = {
        "blocks": [list(block) for block in blocks()],
        "cells": SPEC.patch_px // network.stride_px,
        "dropout": SPEC.dropout,
        "threads": default_workers(),
        "batch": BATCH,
        "rate": RATE,
        "decay": DECAY,
        "weight_decay": SETTINGS.train.weight_decay,
        "clip_norm": SETTINGS.train.clip_norm,
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "given.json").write_text(json.dumps(given))
        np.savez(Path(folder) / "arrays.npz", **arrays)
        command = [str(PYTHON), str(Path(__file__).with_name("torch_side.py")), folder]
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | KEEP_FREED | {"OMP_WAIT_POLICY": "passive"},  # waiting is no work
        ) as process:

            def answer():
                if line := process.stdout.readline():
                    return json.loads(line)
                raise UserError("The process of PyTorch ended; what it said stands above.")

            def asked(way: str) -> Elsewhere:
                process.stdin.write(f"{way}\n")
                process.stdin.flush()
                return Elsewhere(*answer())

            version = answer()
            logits = np.load(Path(folder) / "logits.npy")[:, 0]
            yield version, logits, lambda: asked("windows"), lambda: asked("steps")
            process.stdin.close()
