"""Read every file and tell what became of it: preprocess, stopped before the labels.

Reads   RUN/catalog/, the DICOM files
Writes  the store, RUN/{intake.csv,breast/,audit.json,intake.html,intake.json}
Run     make intake
"""

import start
from pipeline.preprocess.intake.stage import intake

if __name__ == "__main__":
    start.stage("intake", intake)
