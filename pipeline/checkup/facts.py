"""What the header, the pixels and the breast of one file say, as names and words."""

from pipeline.dicom.mammogram import Mammogram
from pipeline.preprocess.store.standardise import Standard


def pixel_facts(mammogram: Mammogram) -> dict[str, str]:
    """What the reader made of the file."""
    return {
        "codec": mammogram.codec,
        "polarity": mammogram.polarity,
        "window": mammogram.window,
        "grey values": f"{mammogram.pixels.min():.4f} to {mammogram.pixels.max():.4f} "
        "(0 to 1 is the nominal range)",
        "spacing": f"{mammogram.spacing_mm:.4g} mm, from {mammogram.spacing_source}",
        "magnification": f"{mammogram.magnification:g}" if mammogram.magnification else "",
        "side": _with_source(mammogram.laterality, mammogram.laterality_source),
        "view": _with_source(mammogram.view, mammogram.view_source),
        "modifiers": ", ".join(mammogram.modifiers),
        "implant": mammogram.implant,
        "frame": f"{mammogram.frame} (from 0)" if mammogram.frame else "",
        "scanner": mammogram.scanner,
        "pixel checksum": mammogram.pixel_sha256,
    }


def breast_facts(standard: Standard) -> dict[str, str]:
    """What was found in the picture."""
    geometry, air = standard.geometry, standard.background
    return {
        "breast": f"{standard.breast_mm2 / 100:.0f} cm2, chest wall on the "
        + ("right" if geometry.flipped else "left"),
        "standard image": f"{geometry.height} rows x {geometry.width} columns, "
        f"{geometry.spacing_mm:g} mm; black is {standard.low:.4f}, white {standard.high:.4f}",
        "air beside it": f"mean {air['air_mean']:.4f}, {air['air_lowest']:.4f} to "
        f"{air['air_highest']:.4f}, {air['air_levels']:.1%} of its values differ"
        if air["air_known"]
        else "none",
    }


def _with_source(value: str, source: str) -> str:
    return f"{value}, from {source}" if value and source else value or "unknown"
