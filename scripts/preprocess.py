"""Standardise the mammograms, split the patients, label the positions.

Reads   RUN/catalog/, the DICOM files
Writes  the store, RUN/{intake.csv,mammograms.csv,outlines.json,positions.parquet,preprocess.json}
Run     make preprocess
"""

import start
from pipeline.preprocess.stage import preprocess

if __name__ == "__main__":
    start.stage("preprocess", preprocess)
