"""The page of an exported model as the Hugging Face Hub reads it: front matter and model card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.figures.registry import METRICS, headline_figures
from pipeline.model.card import ModelCard
from pipeline.pages.template import render_markdown
from pipeline.report.data import metrics_of
from pipeline.run.atomic import yaml_text
from pipeline.run.layout import RunFolder

TEMPLATE = Path(__file__).parent / "hub-page.md"
TAGS = (
    *("mammography", "medical-imaging", "dicom", "probability-map", "calibration"),
    "research-only",
)
# Of a network that saw drawings only; whose patients others were, decides about the others.
LICENCE = "apache-2.0"


def hub_page(run: RunFolder, card: ModelCard, *, files: Mapping[str, str], on: str) -> str:
    """README.md of the folder.

    Args:
        run: the run of the model; a folder without its files has no figures and no card in words.
        files: the file of each form that was written, by the name of the form.
        on: what the forms were compared with the network on.
    """
    card_file = run.model_card
    return render_markdown(
        TEMPLATE,
        front_matter=yaml_text(front_matter(run, card, forms=list(files))),
        files=files,
        on=on,
        synthetic=bool(card.data and card.data.is_synthetic),
        datasets=", ".join(card.data.datasets) if card.data else "",
        model_card=card_file.read_text(encoding="utf-8") if card_file.is_file() else "",
    )


def front_matter(run: RunFolder, card: ModelCard, *, forms: list[str]) -> dict[str, Any]:
    """What the Hub searches by: licence, library, tags, data, and the figures with their names."""
    synthetic = bool(card.data and card.data.is_synthetic)
    licence = {"license": LICENCE}
    if not synthetic:
        licence = {"license": "other", "license_name": "terms-of-the-training-data"}
    values = {
        **licence,
        "library_name": "keras",
        "pipeline_tag": "image-segmentation",
        "tags": [*TAGS, *(form.lower() for form in forms), *(["synthetic-data"] * synthetic)],
    }
    figures = headline_figures(metrics_of(run, card.sha256) or {})
    known = {name: f["value"] for name, f in figures.items() if f.get("value") is not None}
    if not known:
        return values
    judged = "drawn phantoms" if synthetic else "test patients of the run"
    result = {
        "task": {"type": "image-segmentation", "name": "probability of abnormality by position"},
        "dataset": {"type": "-".join(card.data.datasets) if card.data else "own", "name": judged},
        "metrics": [
            {"type": name, "name": METRICS[name].heading, "value": round(value, 4)}
            for name, value in known.items()
        ],
    }
    index = {"name": run.title, "results": [result]}
    return {**values, "metrics": list(known), "model-index": [index]}
