"""How much longer the reader takes than the decoding of the compressed pixels alone.

Reads   nothing
Writes  PATH of --json
Run     python -m tests.benchmarks.bench_reader [--repeats 15] [--json PATH]

The aim: less than 20 % of the time that JPEG Lossless takes to decode. What counts is processor
time, which other work on the machine changes little: all ways use one thread, and the file is in
the cache of the disk. The ways are measured in turn, so that whatever changes meets all of them;
a figure is the median, with the quartiles beside it.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut, get_decoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import JPEGLossless

from pipeline.config import DicomSettings
from pipeline.dicom.mammogram import read_mammogram
from pipeline.dicom.write import SYNTHETIC_BITS, write_synthetic

AIM = 0.20
SHAPE = 3328, 2560
NAME = "imagecodecs"
# Asked for by pydicom of a plugin.
DECODER_DEPENDENCIES = {JPEGLossless: ("imagecodecs",)}


def bench(repeats: int = 15) -> dict:
    """Decode, read, and read as one would with pydicom alone.

    Returns:
        Milliseconds of each way, and the overheads as shares of the decoding time.
    """
    decoder = get_decoder(JPEGLossless)
    if NAME not in decoder.available_plugins:
        decoder.add_plugin(NAME, (__name__, "decode_for_pydicom"))
    cv2.setNumThreads(1)  # as in the workers of the stage
    pixels = mammogram_like(SHAPE, seed=0)
    frame = imagecodecs.ljpeg_encode(pixels, bitspersample=SYNTHETIC_BITS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mammogram.dcm"
        woman = {"patient_id": "BENCH-1", "laterality": "L", "view": "CC", "spacing_mm": 0.07}
        write_synthetic(path, pixels, **woman, encoding="jpeg_lossless")
        ways = {
            "decode": lambda: imagecodecs.ljpeg_decode(frame),
            "read": lambda: read_mammogram(path, settings=DicomSettings()),
            "pydicom": lambda: by_pydicom(path),
        }
        times = interleaved(ways, repeats)
    spread = {name: np.percentile(values, [25, 50, 75]) for name, values in times.items()}
    decode = spread["decode"][1]
    return {
        "name": "reader",
        "image": f"{SHAPE[0]} x {SHAPE[1]}, {SYNTHETIC_BITS} bit, "
        f"JPEG lossless of {len(frame):,} bytes",
        "repeats": repeats,
        "milliseconds": {
            name: dict(zip(("low", "median", "high"), np.round(1000 * v, 1).tolist(), strict=True))
            for name, v in spread.items()
        },
        "reader_overhead": round(float(spread["read"][1] / decode - 1), 3),
        "pydicom_overhead": round(float(spread["pydicom"][1] / decode - 1), 3),
        "aim": AIM,
    }


def interleaved(ways: dict[str, Callable], repeats: int) -> dict[str, list[float]]:
    """Processor time of each way and repeat, in s, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            begin = time.process_time()
            way()
            if turn:
                times[name].append(time.process_time() - begin)
    return times


def by_pydicom(path: Path) -> np.ndarray:
    """What a user of pydicom writes: presentation values of a file."""
    dataset = dcmread(path)
    return apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)


def is_available(syntax: str) -> bool:
    """pydicom asks whether the decoder is there."""
    return syntax == JPEGLossless


def decode_for_pydicom(src: bytes, runner: DecodeRunner) -> bytes:
    """The decoder that the reader uses, as a plugin of pydicom."""
    return imagecodecs.ljpeg_decode(src).tobytes()


def mammogram_like(shape: tuple[int, int], *, seed: int) -> np.ndarray:
    """A bright half disc with texture and noise on a dark, noisy ground: (H, W) uint16."""
    random = np.random.default_rng(seed)
    row, col = np.mgrid[: shape[0], : shape[1]]
    inside = (col / (0.7 * shape[1])) ** 2 + ((row / shape[0] - 0.5) / 0.45) ** 2 < 1
    tissue = 1800 + 400 * np.sin(col / 200) * np.cos(row / 300) + random.normal(0, 40, shape)
    values = np.where(inside, tissue, random.normal(60, 4, shape))
    return values.clip(0, (1 << SYNTHETIC_BITS) - 1).astype(np.uint16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    given = parser.parse_args()
    result = bench(given.repeats)
    for name, spread in result["milliseconds"].items():
        print("{:8} {median:7.1f} ms ({low:.1f} to {high:.1f})".format(name, **spread))
    print(
        f"overhead of the reader: {result['reader_overhead']:.1%} of the decoding "
        f"(aim: below {AIM:.0%}); of pydicom: {result['pydicom_overhead']:.1%}"
    )
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
