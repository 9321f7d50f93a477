"""Map, overlay and regions of each test mammogram, and the report.

Reads   RUN/mammograms.csv, the store, the model
Writes  RUN/{heatmaps/,overlays/,regions.csv,candidates.csv,predictions.parquet,images.csv},
        RUN/report.html
Run     make heatmap
"""

import start
from pipeline.heatmap.stage import heatmap

if __name__ == "__main__":
    start.stage("heatmap", heatmap)
