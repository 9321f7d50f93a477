"""How long the patch table of a mammogram with many lesions takes to label.

The aim: less than 1 s of processor time, beside which reading the image is what counts.
"""

import time

import numpy as np

from pipeline.annotations.labels import LabelRule, label_points
from pipeline.annotations.outlines import Outline
from pipeline.config import LabelSettings

LESIONS = 7


def bench(repeats: int = 15) -> dict:
    """Label 400 x 300 positions near seven polygons of 100 points.

    Returns:
        Milliseconds of processor time.
    """
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    disc = np.stack([np.sin(angle), np.cos(angle)], 1) * 150
    outlines = [
        Outline(str(i), "mass", "benign", True, polygons=(disc + 300 * (i + 1),))
        for i in range(LESIONS)
    ]
    rows, cols = np.arange(400)[:, None] * 8 - 0.5, np.arange(300) * 8 - 0.5
    rule = LabelRule.from_settings(LabelSettings(), 0.1)
    times = []
    for _ in range(repeats):
        started = time.process_time()
        labels = label_points(rows, cols, outlines, rule)
        times.append(1000 * (time.process_time() - started))
    return {
        "name": "labels",
        "positives": int((labels == 1).sum()),
        "milliseconds": round(float(np.median(times)), 1),
        "aim": 1000,
    }
