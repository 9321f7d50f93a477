"""How long the patch table of a mammogram with many lesions takes to label, beside its decoding."""

import imagecodecs
import numpy as np

from pipeline.annotations.labels import LabelRule, label_points
from pipeline.annotations.outlines import Outline
from pipeline.config import LabelSettings
from pipeline.dicom.write import SYNTHETIC_BITS
from tests.benchmarks.bench_reader import SHAPE, mammogram_like
from tests.benchmarks.measure import Row, interleaved

LESIONS = 7


def rows(repeats: int = 15) -> list[Row]:
    """Label 400 x 300 positions near seven polygons of 100 points."""
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    disc = np.stack([np.sin(angle), np.cos(angle)], 1) * 150
    outlines = [
        Outline(str(i), "mass", "benign", True, polygons=(disc + 300 * (i + 1),))
        for i in range(LESIONS)
    ]
    at = np.arange(400)[:, None] * 8 - 0.5, np.arange(300) * 8 - 0.5
    rule = LabelRule.from_settings(LabelSettings(), 0.1)
    frame = imagecodecs.ljpeg_encode(mammogram_like(SHAPE, seed=0), bitspersample=SYNTHETIC_BITS)
    ways = {
        "label": lambda: label_points(*at, outlines, rule),
        "decode": lambda: imagecodecs.ljpeg_decode(frame),
    }
    name = f"labels of a mammogram with {LESIONS} lesions, beside its decoding"
    return [interleaved(ways, repeats).row(name, "label", "decode", target=1, at_most=True)]
