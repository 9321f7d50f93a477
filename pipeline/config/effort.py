"""Settings that bound the effort, or what is drawn, and change no result."""

EFFORT_SETTINGS: dict[str, frozenset[str]] = {
    "dicom": frozenset({"decode_seconds", "decode_mib", "max_lost_share", "workers"}),
    "train": frozenset({"checkpoint_seconds", "devices", "micro_batch", "readers", "recompute"}),
    "heatmap": frozenset({"tile_px", "uncertainty"}),
}
