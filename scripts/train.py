"""Train and calibrate the network.

Reads   RUN/mammograms.csv, RUN/outlines.json, RUN/positions.parquet, the store
Writes  RUN/model/, and RUN/training/ while it goes on
Run     make train
"""

import start
from pipeline.train.stage import train

if __name__ == "__main__":
    start.stage("train", train)
