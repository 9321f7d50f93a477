"""Standardise the mammograms, split the patients, label the positions.

Reads   RUN/catalog/, the DICOM files
Writes  what make intake writes, RUN/{mammograms.csv,outlines.json,positions.parquet,
        contact-sheet.png,preprocess.json}
Run     make preprocess
"""

import start
from pipeline.preprocess.stage import preprocess

if __name__ == "__main__":
    start.stage("preprocess", preprocess)
