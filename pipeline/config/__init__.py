"""Every setting of the pipeline: its default, unit, limits and meaning, by section.

A section is frozen and refuses names that it does not know. Pure: opens no files, logs nothing.
What a stage is made from stands in pipeline/run/graph.py.
"""

from pipeline.config.evaluate import EvaluateSettings
from pipeline.config.heatmap import HeatmapSettings
from pipeline.config.ingest import DataSettings, PhantomSettings
from pipeline.config.maps import MapSettings
from pipeline.config.preprocess import (
    DicomSettings,
    ImageSettings,
    LabelSettings,
    SplitSettings,
    StoreSettings,
)
from pipeline.config.section import Section
from pipeline.config.train import NetworkSettings, TrainSettings

__all__ = [
    "DataSettings",
    "DicomSettings",
    "EvaluateSettings",
    "HeatmapSettings",
    "ImageSettings",
    "LabelSettings",
    "MapSettings",
    "NetworkSettings",
    "PhantomSettings",
    "Section",
    "Settings",
    "SplitSettings",
    "StoreSettings",
    "TrainSettings",
]


class Settings(Section):
    """All settings of a run, by section."""

    data: DataSettings = DataSettings()
    phantom: PhantomSettings = PhantomSettings()
    store: StoreSettings = StoreSettings()
    dicom: DicomSettings = DicomSettings()
    image: ImageSettings = ImageSettings()
    labels: LabelSettings = LabelSettings()
    split: SplitSettings = SplitSettings()
    network: NetworkSettings = NetworkSettings()
    train: TrainSettings = TrainSettings()
    maps: MapSettings = MapSettings()
    heatmap: HeatmapSettings = HeatmapSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
