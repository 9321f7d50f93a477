"""What `bench_torch.py` asks of PyTorch and MONAI, in the environment .venv-torch.

    torch_side.py FOLDER

It reads FOLDER/given.json and FOLDER/arrays.npz, then the names of ways, line by line, and answers
each with the seconds that it took. Convolutions by oneDNN, channels last, ReLU in place, AdamW in
one kernel, and freed memory kept, without which it takes three times as long: the fastest of what
PyTorch has here without a compiler.
"""

import json
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from torch import nn
from torch.nn import functional

STRIDE_PX, AT_ONCE = 16, 64
relu6 = partial(functional.relu6, inplace=True)


class Conv(nn.Conv2d):
    """A convolution with TensorFlow's padding: at stride 2 more zeros after than before."""

    def __init__(self, kernel: np.ndarray, shift: np.ndarray, stride: int, *, depthwise: bool):
        size, _, channels, filters = kernel.shape
        self.odd = (((size - 2) // 2, (size - 1) // 2) * 2) if stride == 2 else None
        super().__init__(
            channels,
            channels if depthwise else filters,
            size,
            stride=stride,
            padding=0 if self.odd else size // 2,
            groups=channels if depthwise else 1,
        )
        order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
        with torch.no_grad():
            self.weight.copy_(torch.from_numpy(kernel.transpose(order).copy()))
            self.bias.copy_(torch.from_numpy(shift))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(functional.pad(x, self.odd) if self.odd else x)


class Lite0(nn.Module):
    """(B, 1, H, W) -> (B, 1, h, w) logits: the network of models/efficientnet_lite0.py."""

    def __init__(self, blocks: list[list[int]], cells: int, dropout: float, arrays):
        super().__init__()
        self.blocks, self.cells, self.dropout = blocks, cells, dropout
        strides = {"stem": 2} | {f"block{i}_depthwise": b[1] for i, b in enumerate(blocks)}
        self.convs = nn.ModuleDict(
            {
                name.removesuffix("/kernel"): Conv(
                    arrays[name],
                    arrays[name.replace("/kernel", "/shift")],
                    strides.get(name.removesuffix("/kernel"), 1),
                    depthwise="_depthwise" in name,
                )
                for name in arrays.files
                if name.endswith("/kernel")
            }
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = relu6(self.convs["stem"](x * (255 / 128) - 127 / 128))
        for index, (_, stride, expansion, channels) in enumerate(self.blocks):
            name, entry = f"block{index}", x
            if expansion != 1:
                x = relu6(self.convs[f"{name}_expand"](x))
            x = relu6(self.convs[f"{name}_depthwise"](x))
            x = self.convs[f"{name}_project"](x)
            if stride == 1 and entry.shape[1] == channels:
                x = x + entry
        means = functional.avg_pool2d(x, self.cells, 1)
        return self.convs["logit"](functional.dropout(means, self.dropout, self.training))


def balanced_loss(logits: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
    """As of pipeline/train/loop/loss.py."""
    losses = functional.binary_cross_entropy_with_logits(logits, positive, reduction="none")
    return 0.5 * sum(
        (losses * those).sum() / those.sum().clamp(min=1) for those in (positive, 1 - positive)
    )


def main(folder: Path) -> None:
    given, arrays = json.loads((folder / "given.json").read_text()), np.load(folder / "arrays.npz")
    torch.set_num_threads(given["threads"])
    network = Lite0(given["blocks"], given["cells"], given["dropout"], arrays)
    network = network.to(memory_format=torch.channels_last)
    image = torch.from_numpy(arrays["image"])[None, None]
    crops = torch.from_numpy(arrays["crops"]).contiguous(memory_format=torch.channels_last)
    targets = torch.from_numpy(arrays["targets"])
    weights = list(network.parameters())
    averages = [weight.detach().clone() for weight in weights]
    optimiser = torch.optim.AdamW(
        weights, lr=given["rate"], weight_decay=given["weight_decay"], fused=True
    )

    @torch.inference_mode()
    def windows() -> torch.Tensor:
        network.eval()
        patch = given["cells"] * STRIDE_PX
        return sliding_window_inference(
            image,
            roi_size=patch,
            sw_batch_size=AT_ONCE,
            # It puts together what has the size of the window, or a part of it.
            predictor=lambda x: network(x).repeat(1, 1, given["cells"], given["cells"]),
            overlap=1 - STRIDE_PX / patch,
        )

    @torch.inference_mode()
    def patches() -> torch.Tensor:
        network.eval()
        return network(torch.from_numpy(arrays["patches"]))

    def steps() -> None:
        network.train()
        for x, y in zip(crops.split(given["batch"]), targets.split(given["batch"]), strict=True):
            optimiser.zero_grad(set_to_none=True)
            balanced_loss(network(x)[:, 0], y).backward()
            nn.utils.clip_grad_norm_(weights, given["clip_norm"], foreach=True)
            optimiser.step()
            with torch.no_grad():
                torch._foreach_lerp_(averages, weights, 1 - given["decay"])

    ways = {"windows": windows, "steps": steps}
    np.save(folder / "logits.npy", patches().numpy())
    print(json.dumps(torch.__version__), flush=True)
    for line in sys.stdin:
        begun = time.process_time(), time.perf_counter()
        ways[line.strip()]()
        ended = time.process_time(), time.perf_counter()
        print(
            json.dumps([end - start for start, end in zip(begun, ended, strict=True)]), flush=True
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
