"""Every setting of the pipeline: default, unit, limits. Pure: opens no files, logs nothing."""

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
