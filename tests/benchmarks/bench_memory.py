"""Peak memory of the map of a large mammogram by tiles, and how much longer the tiles take.

A process of its own, because a peak is that of a process. What it takes before the first map is
TensorFlow and the image.
"""

import json
import resource
import subprocess
import sys
import time

import numpy as np

from tests.benchmarks.measure import Row

SHAPE, PITCH_PX, MEGABYTES = (6000, 4000), 16, 600


def rows(repeats: int = 15) -> list[Row]:
    """EfficientNet-Lite0 once by tiles and once whole."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_memory"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    name = f"map of {SHAPE[0]} x {SHAPE[1]}, EfficientNet-Lite0, by tiles"
    tiles, whole = found["tiles"], found["whole"]
    before = f"{found['before']:.0f} MB before, whole {whole['megabytes']:.0f} MB more"
    return [
        Row(
            f"{name}: memory it takes, in parts of {MEGABYTES} MB",
            round(tiles["megabytes"] / MEGABYTES, 3),
            target=1,
            at_most=True,
            note=f"{tiles['megabytes']:.0f} MB more than before; {before}",
        ),
        Row(
            f"{name}: time, beside the whole image at once",
            round(tiles["processor"] / whole["processor"], 3),
            target=1.2,
            at_most=True,
            wall_ratio=round(tiles["wall"] / whole["wall"], 3),
            seconds={"tiles": tiles["processor"], "whole": whole["processor"]},
            note=f"logits apart by {found['apart']:.0e} at most",
        ),
    ]


def main() -> None:
    """Measure in this process, and print the figures as JSON."""
    from models.dense import logit_map
    from models.network import NetworkSpec, build_network

    network = build_network(NetworkSpec("efficientnet_lite0", 128))
    image = np.random.default_rng(0).random(SHAPE, np.float32)
    logit_map(network, image[:512, :512], pitch_px=PITCH_PX)
    before, found, maps = peak_megabytes(), {}, []
    for name, options in (("tiles", {}), ("whole", {"tile_px": 4 * max(SHAPE)})):
        began = time.process_time(), time.perf_counter()
        maps.append(logit_map(network, image, pitch_px=PITCH_PX, **options))
        ended = time.process_time(), time.perf_counter()
        processor, wall = (round(b - a, 2) for a, b in zip(began, ended, strict=True))
        more = peak_megabytes() - before
        found[name] = {"megabytes": more, "processor": processor, "wall": wall}
    apart = float(np.abs(maps[0] - maps[1]).max())
    print(json.dumps({**found, "before": before, "apart": apart}))


def peak_megabytes() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
