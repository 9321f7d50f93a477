"""List the data set: images, findings, and every file below data.root.

Reads   data.root
Writes  RUN/catalog/
Run     make ingest
"""

import start
from pipeline.ingest.stage import ingest

if __name__ == "__main__":
    start.stage("ingest", ingest)
