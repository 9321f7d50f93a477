"""How many cores it takes to cut the crops that a GPU trains on: an estimate by the roofline.

A step takes at least the time of its operations at the GPU's peak, and at least that of moving its
activations to and from memory; the longer one counts. Backward takes twice the operations of
forward. No GPU was measured, and none reaches its roof: fewer cores are enough. The times are what
docs/cloud-costs.md is made from.

Source: Williams et al. 2009, doi:10.1145/1498765.1498785, for the model.
"""

from typing import NamedTuple

from models.network import NetworkSpec, build_network
from pipeline.checkup.cloud_costs import CUT, MAPPED, TRAINED, gpu_row
from tests.benchmarks import bench_crops
from tests.benchmarks.measure import Row
from tests.benchmarks.operations import operations

# Each activation in 2 bytes: written and read forward, read again backward, where its gradient is
# written and read. A map is computed forward alone, in 4 bytes, and is bound by memory.
BYTES_PER_VALUE, PASSES = 2, 3
BYTES_OF_A_MAP = 4


class Gpu(NamedTuple):
    """Peaks of the datasheet: dense products in 16 bit, memory."""

    name: str
    tflops: float
    gigabytes_a_second: float


# As NVIDIA's datasheets say; what they say with sparsity is halved.
GPUS = (
    Gpu("T4", 65, 320),  # sysrqmts.com/en/gpus/nvidia/tesla/t4
    Gpu("L4", 121, 300),  # 242 with sparsity: grokipedia.com/page/NVIDIA_L4_vs_L40S
    # Memory: baseten.co/blog/nvidia-a10-vs-a10g-for-ml-model-inference. Of AWS alone, without a
    # datasheet of its own: tables have 62.5 to 70, its sister A10 has 125. Memory binds either way.
    Gpu("A10G", 70, 600),
    Gpu("A100 (SXM)", 312, 1555),  # of 40 GB: glennklockwood.com/garden/processors/A100
    Gpu("H100 (SXM)", 989, 3350),  # glennklockwood.com/garden/processors/h100
)


def rows(repeats: int = 15) -> list[Row]:
    """Crops of configs/mias.yaml, EfficientNet-Lite0, by each GPU."""
    (crops,) = bench_crops.rows(max(2, repeats // 5))
    cut = crops.seconds["crops"] / bench_crops.DOZEN
    cost = operations(build_network(NetworkSpec("efficientnet_lite0", 128)), bench_crops.SIZE)
    found = []
    for gpu in GPUS:
        compute = PASSES * cost.flops / (gpu.tflops * 1e12)
        traffic = 5 * BYTES_PER_VALUE * cost.values / (gpu.gigabytes_a_second * 1e9)
        bound = "memory" if traffic > compute else "operations"
        trained = max(compute, traffic)
        mapped = 2 * BYTES_OF_A_MAP * cost.values / (gpu.gigabytes_a_second * 1e9)
        found.append(
            Row(
                gpu_row(gpu.name),
                round(cut / trained, 2),
                seconds={
                    name: float(f"{seconds:.4g}")
                    for name, seconds in ((TRAINED, trained), (MAPPED, mapped), (CUT, cut))
                },
                note=f"{1 / trained:,.0f} crops of {bench_crops.SIZE} px a second by the roofline, "
                f"bound by {bound} ({PASSES * cost.flops / 1e9:.1f} GFLOP, {gpu.tflops:g} TFLOP/s; "
                f"{5 * BYTES_PER_VALUE * cost.values / 1e6:.0f} MB, {gpu.gigabytes_a_second:g} "
                f"GB/s); {1 / cut:.0f} a second and core here",
            )
        )
    return found
