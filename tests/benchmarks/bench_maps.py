"""The map of a mammogram, beside the network applied patch by patch.

A patch alone gives the logit of the map where the network looks at nothing beside it (`valid`).
EfficientNet-Lite0 sees 176 px more on each side; its patches are measured with those, which give
the map's logits, and without, as one usually cuts them, which give others.

Patches are many: some hundred are timed, and their time scaled to all positions of the map.
"""

from functools import partial

import numpy as np
import tensorflow as tf

from models.dense import logit_map
from models.network import NetworkSpec, build_network
from tests.benchmarks.bench_reader import mammogram_like
from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.operations import operations

SHAPE, PITCH_PX = (2000, 1504), 16
MATRIX = 1500
EQUAL = 1e-5


def rows(repeats: int = 15) -> list[Row]:
    """Both networks with random weights of a seed, and the weights of ImageNet."""
    image = mammogram_like(SHAPE, seed=0).astype(np.float32) / 4095
    few = max(3, repeats // 2)
    lite0 = build_network(NetworkSpec("efficientnet_lite0", 128), weights="imagenet")
    small = build_network(NetworkSpec("valid", 64))
    return [
        *_against_patches("EfficientNet-Lite0", lite0, image, few, patches=192, goals=(60, 40)),
        *_against_patches("the small network", small, image, few, patches=768, goals=(30, None)),
    ]


def _against_patches(title, network, image, repeats, *, patches, goals) -> list[Row]:
    patch, halo = network.spec.patch_px, network.halo_px
    whole = logit_map(network, image, pitch_px=PITCH_PX)
    edge = -(-(patch // 2 + halo) // PITCH_PX)
    random = np.random.default_rng(0)
    at = random.integers(edge, np.array(whole.shape) - edge - 1, (patches, 2))

    def cut(count: int, beside: int) -> np.ndarray:
        half = patch // 2 + beside
        corners = at[:count] * PITCH_PX - half
        parts = [image[row : row + 2 * half, col : col + 2 * half] for row, col in corners]
        return np.stack(parts)[..., None]

    compiled = tf.function(partial(network, training=False), reduce_retracing=True)

    def loop(given: np.ndarray, batch: int) -> np.ndarray:
        starts = range(0, len(given), batch)
        return np.concatenate([compiled(given[start : start + batch]) for start in starts])

    alone, matrix = cut(patches, 0), tf.random.normal((MATRIX, MATRIX))
    ways = {
        "map": lambda: logit_map(network, image, pitch_px=PITCH_PX),
        "predict": lambda: network.predict(alone, verbose=0),
        "loop": lambda: loop(alone, 64),
        "matrices": lambda: tf.matmul(matrix, matrix).numpy(),
    }
    factors = dict.fromkeys(("predict", "loop"), whole.size / patches)
    seeing = cut(patches // 12, halo) if halo else alone
    if halo:
        ways["seeing"] = lambda: loop(seeing, 4)
        factors["seeing"] = whole.size / len(seeing)
    given = loop(seeing, 4 if halo else 64)
    middle = given.shape[1] // 2
    expected = whole[tuple(at[: len(seeing)].T)]
    apart = float(np.abs(given[:, middle, middle] - expected).max())
    equal = f"logits apart by {apart:.0e} at most" + (" NOT EQUAL" if apart > EQUAL else "")
    times = interleaved(ways, repeats).times(**factors)
    peak = 2 * MATRIX**3 / float(np.median(times.processor["matrices"]))
    side = 1024
    flops = operations(network, side).flops * image.size / side**2
    share = flops / float(np.median(times.processor["map"])) / peak
    scaled = f"{patches} patches of {whole.size} timed"
    cost = f"{flops / 1e9:.0f} GFLOP, {share:.0%} of what products of matrices reach a core"
    name = f"map of {SHAPE[0]} x {SHAPE[1]} at {PITCH_PX} px, {title}"
    alone_is = f"{scaled}; patches alone, " + ("other logits" if halo else equal)
    found = [
        times.row(
            f"{name}, against model.predict",
            *("map", "predict"),
            target=goals[0],
            note=f"{alone_is}; {cost}",
        ),
        times.row(
            f"{name}, against a compiled loop", "map", "loop", target=goals[1], note=alone_is
        ),
    ]
    if halo:
        found.append(
            times.row(
                f"{name}, against a compiled loop over all that a patch sees",
                *("map", "seeing"),
                target=goals[0],
                note=f"{len(seeing)} patches of {whole.size} timed; {equal}",
            )
        )
    return found
