"""What a model cannot do, or is not known to do, in sentences computed from its numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.figures.registry import BASELINES, METRICS
from pipeline.model.calibration import FEW_LESIONS
from pipeline.model.card import ModelCard
from pipeline.model.fit import support_text
from pipeline.model.seen_patients import calibration_overlap_text, training_overlap_text
from pipeline.pages.template import render_markdown

TEMPLATE = Path(__file__).parent / "limits.md"
WIDE = 0.1
TOLD_APART = {
    "patch_auc": "abnormal positions from normal ones",
    "image_auc": "abnormal mammograms from normal ones by the score of their best candidate",
}


def limits_of(
    *,
    model: ModelCard | None = None,
    datasets: Sequence[str] = (),
    unrecorded: Sequence[str] = (),
    metrics: Mapping | None = None,
) -> list[str]:
    """The limits of what is given.

    Args:
        model: what is known when its training is finished.
        datasets: names of the data sets of the training patients, where they are known.
        unrecorded: what no table says of the mammograms, in words.
        metrics: the figures of metrics.json.
    """
    text = render_markdown(
        TEMPLATE,
        model=model,
        support=support_text(model.support) if model and model.support else "",
        datasets=datasets,
        unrecorded=unrecorded,
        metrics=metrics,
        few_lesions=FEW_LESIONS,
        wide_interval=WIDE,
        # Those that the other limits rest on.
        judged=[METRICS[name] for name in ("patch_auc", "image_auc", "mean_froc")],
        told_apart=[(METRICS[name], what) for name, what in TOLD_APART.items()],
        baselines=BASELINES,
        overlaps={
            "patients_of_the_calibration": calibration_overlap_text,
            "patients_of_the_training": training_overlap_text,
        },
    )
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return [paragraph for paragraph in paragraphs if paragraph]
