"""Judge the maps: patch AUC, FROC, calibration, with intervals.

Reads   the tables of heatmap and preprocess
Writes  RUN/metrics.json, RUN/plots/, RUN/report.html
Run     make evaluate
"""

import start
from pipeline.evaluate.stage import evaluate

if __name__ == "__main__":
    start.stage("evaluate", evaluate)
