"""How many cores it takes to cut the crops that a GPU trains on: an estimate by the roofline.

A step takes at least the time of its operations at the GPU's peak, and at least that of moving its
activations to and from memory; the longer one counts. Backward takes twice the operations of
forward. No GPU was measured, and none reaches its roof: fewer cores are enough.

Source: Williams et al. 2009, doi:10.1145/1498765.1498785, for the model.
"""

from typing import NamedTuple

from models.network import NetworkSpec, build_network
from tests.benchmarks import bench_crops
from tests.benchmarks.measure import Row
from tests.benchmarks.operations import operations

# Each activation in 2 bytes: written and read forward, read again backward, where its gradient is
# written and read.
BYTES_PER_VALUE, PASSES = 2, 3


class Gpu(NamedTuple):
    """Peaks of the datasheet: dense products in 16 bit, memory."""

    name: str
    tflops: float
    gigabytes_a_second: float


# NVIDIA's datasheets of the three, 2019, 2023 and 2022; half of what they say with sparsity.
GPUS = (Gpu("T4", 65, 320), Gpu("L4", 121, 300), Gpu("H100 (SXM)", 989, 3350))


def rows(repeats: int = 15) -> list[Row]:
    """Crops of configs/mias.yaml, EfficientNet-Lite0, by each GPU."""
    (crops,) = bench_crops.rows(max(2, repeats // 5))
    a_core = bench_crops.DOZEN / crops.seconds["crops"]
    cost = operations(build_network(NetworkSpec("efficientnet_lite0", 128)), bench_crops.SIZE)
    found = []
    for gpu in GPUS:
        compute = PASSES * cost.flops / (gpu.tflops * 1e12)
        traffic = 5 * BYTES_PER_VALUE * cost.values / (gpu.gigabytes_a_second * 1e9)
        bound = "memory" if traffic > compute else "operations"
        a_second = 1 / max(compute, traffic)
        found.append(
            Row(
                f"cores that cut crops as fast as a {gpu.name} takes them (estimate, at most)",
                round(a_second / a_core, 2),
                note=f"{a_second:,.0f} crops of {bench_crops.SIZE} px a second by the roofline, "
                f"bound by {bound} ({PASSES * cost.flops / 1e9:.1f} GFLOP, {gpu.tflops:g} TFLOP/s; "
                f"{5 * BYTES_PER_VALUE * cost.values / 1e6:.0f} MB, {gpu.gigabytes_a_second:g} "
                f"GB/s); {a_core:.0f} a second and core here",
            )
        )
    return found
