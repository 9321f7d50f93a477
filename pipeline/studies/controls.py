"""Controls: what must hold whatever the network is worth.

Reads   RUN after heatmap; its audit of shortcuts
Writes  RUN/controls/, RUN/controls.json, and completes RUN/report.html and RUN/model-card.md
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np

from pipeline.config import EvaluateSettings
from pipeline.evaluate.judge import Bootstrap, judge_metric
from pipeline.evaluate.load import Judged, load_judged
from pipeline.evaluate.matching import match_candidates
from pipeline.evaluate.metrics import compute_metrics
from pipeline.figures.registry import METRICS
from pipeline.model.card import has_model, model_folder, read_card
from pipeline.model.recipe import recipe_of
from pipeline.pages.filters import figure_text
from pipeline.report.data import is_synthetic
from pipeline.report.model_card import write_model_card
from pipeline.report.run_page import write_report
from pipeline.run.atomic import read_json, write_json
from pipeline.run.code import provenance
from pipeline.run.hardware import hardware
from pipeline.run.layout import RunFolder
from pipeline.run.settings import load_settings, recall
from pipeline.run.stage import Stage
from pipeline.studies.oracle import write_oracle
from pipeline.studies.subruns import RunStages, run_stages
from pipeline.studies.variants import SHORT, schedule_of
from pipeline.train.data.permuted_labels import permute_labels

# Long enough to learn labels that are not permuted.
SHORT_CONTROL = SHORT | {"maps.flips": "1", "maps.zooms": "1"}
# A short schedule has a short warm-up. After it a network of random weights dies on labels that
# tell nothing, at the 0.002 of the phantom, and gives one number everywhere.
_SAFE_RATE = 5e-4
EVEN, ALL = 0.5, 1.0
_NAMED = 5


@dataclass(frozen=True)
class Control:
    """A figure that is known before it is measured."""

    value: float | None
    low: float | None
    high: float | None
    expected: float
    holds: bool | None  # None where there is nothing to judge
    required: bool  # a control that does not hold is a fault; else it is a finding about the data
    sentence: str


def run_controls(
    stage: Stage, *, full: bool = False, run_stages: RunStages = run_stages
) -> dict[str, Control]:
    """Make the controls of a run that has its maps.

    Args:
        full: train on permuted labels as long as CONFIG says, not for the short schedule.

    Returns:
        The controls by name.
    """
    run, settings = stage.run, stage.settings.evaluate
    schedule = schedule_of(run, SHORT_CONTROL, full=full)
    controls = {
        "permuted_labels": _permuted(run, settings, schedule, run_stages=run_stages),
        "oracle_heatmap": _oracle(run, settings),
        "background_alone": _background(run),
    }
    permuted = run.control("permuted").model
    models = [model_folder(run), *filter(has_model, [permuted])]
    content = {
        "controls": {name: asdict(c) for name, c in controls.items()},
        "schedule": schedule or "as in the config",
        "recipe": recipe_of(stage.settings, map(read_card, models)),
        "hardware": hardware(),
        **provenance(),
    }
    write_json(run.controls, content)
    known = {f"control/{n}": c.value for n, c in controls.items() if c.value is not None}
    stage.events.metrics(known)
    stage.events.artifact(run.controls)
    write_report(run)
    stage.events.artifact(run.report)
    stage.events.artifact(write_model_card(run))
    return controls


def failed(controls: Mapping[str, Control]) -> list[str]:
    """Names of the controls that must hold and do not."""
    return [name for name, c in controls.items() if c.required and c.holds is False]


def controls_text(controls: Mapping[str, Control]) -> str:
    """One line for each control."""
    words = {True: "holds", False: "DOES NOT HOLD", None: "nothing to judge"}
    return "\n".join(
        f"{name.replace('_', ' ')}: {words[c.holds]}. {c.sentence}" for name, c in controls.items()
    )


def _permuted(
    run: RunFolder,
    settings: EvaluateSettings,
    schedule: Mapping[str, str],
    *,
    run_stages: RunStages,
) -> Control:
    if recall(run).model:
        return _nothing(EVEN, "Labels permuted: this run trains no network.")
    own = {**schedule, "train.members": "1", "train.permute_labels": "true"}
    given = "train.learning_rate" in recall(run).overrides
    if schedule and not given and load_settings(run).train.learning_rate > _SAFE_RATE:
        own["train.learning_rate"] = str(_SAFE_RATE)
    sub = run.control("permuted")
    print("--- a network trained on permuted labels, the longest part", flush=True)
    run_stages(sub, run, own, upto="heatmap")
    return judge_permuted(load_judged(sub), settings, seed=load_settings(sub).train.seed)


def judge_permuted(judged: Judged, settings: EvaluateSettings, *, seed: int) -> Control:
    """A network trained on permuted labels against permuted labels of the test patients.

    Args:
        judged: test patients and the network's logits, with the true labels.
        seed: of the permutation of the training.
    """
    if judged.positions["logit"].nunique() == 1:
        return _nothing(
            EVEN,
            "Labels permuted: the network gives one number everywhere. It has learned nothing at "
            "all, so it shows nothing; SCHEDULE=full or a lower train.learning_rate may show more.",
        )
    shuffled = replace(judged, positions=permute_labels(judged.positions, seed=seed))
    figure = judge_metric(METRICS["patch_auc"], shuffled, Bootstrap.of(shuffled, settings))
    return _at_even(
        figure.as_dict(),
        name="Labels permuted",
        told="A network trained on labels permuted among the positions of each image has a patch "
        f"AUC of {figure_text(figure.as_dict())} against permuted labels of the test patients",
        sound=": what a network finds here comes from the labels alone.",
        faulty=". It tells images apart that differ as a whole, or has seen them in its training, "
        'or it is chance, as once in twenty times: SET="train.seed=1" tells.',
        required=True,
    )


def _oracle(run: RunFolder, settings: EvaluateSettings) -> Control:
    """The map of the outlines finds every lesion before any false alarm."""
    print("--- a map made from the outlines", flush=True)
    oracle = run.control("oracle")
    card = read_card(model_folder(run))
    pitch_mm = read_json(run.heatmap_summary)["pitch_mm"]
    write_oracle(run, oracle, card, pitch_px=round(pitch_mm / card.image.spacing_mm))
    judged = load_judged(oracle)
    metrics = compute_metrics(judged, Bootstrap.of(judged, settings), settings, {})
    write_json(oracle.metrics, metrics)
    froc = metrics["mean_froc"]
    if froc["value"] is None:
        return _nothing(ALL, f"Map made from the outlines: {froc['reason']}.")
    holds = froc["value"] == ALL
    why = "." if holds else f": no map could find {_missed(judged)}."
    sentence = (
        "A map made from the outlines has a mean FROC sensitivity of "
        f"{froc['value']:.3f} on {froc['n']} lesions{why}"
    )
    return Control(froc["value"], froc["low"], froc["high"], ALL, holds, True, sentence)


def _missed(judged: Judged) -> str:
    matched = match_candidates(judged)
    scores, alarms = matched.matches.lesion_scores, matched.matches.false_scores
    missed = matched.matches.lesion_images[scores <= alarms.max(initial=-np.inf)]
    images = sorted(set(matched.images["image_id"].iloc[missed]))
    named = ", ".join(images[:_NAMED]) + (" and so on" if len(images) > _NAMED else "")
    return (
        f"{len(missed)} of them, in {named}: they lie outside the breast, or too close together "
        "for maps.suppression_mm and maps.max_candidates"
    )


def _background(run: RunFolder) -> Control:
    if not run.audit.is_file():
        return _nothing(EVEN, "Background alone: make preprocess has not audited these data.")
    shortcut = read_json(run.audit)["shortcut"]
    return judge_background(shortcut, synthetic=is_synthetic(run))


def judge_background(shortcut: Mapping, *, synthetic: bool) -> Control:
    """The air beside the breast, the borders and the size of an image do not tell the label.

    Args:
        shortcut: of audit.json.
        synthetic: phantoms are drawn so that it holds; of real mammograms it is a finding.
    """
    auc = shortcut["auc"]
    return _at_even(
        auc,
        name="Background alone",
        told=f"The image without its breast tells {shortcut['question']} with an AUC of "
        f"{figure_text(auc)}",
        sound=".",
        faulty=": a network can learn where an image comes from.",
        required=synthetic,
    )


def _at_even(
    auc: Mapping, *, name: str, told: str, sound: str, faulty: str, required: bool
) -> Control:
    """Whether an AUC is that of chance, and the sentence that tells it."""
    value, low, high = (auc[key] for key in ("value", "low", "high"))
    if low is None or high is None:
        return _nothing(EVEN, f"{name}: {auc['reason']}.")
    holds = low <= EVEN <= high
    return Control(value, low, high, EVEN, holds, required, told + (sound if holds else faulty))


def _nothing(expected: float, sentence: str) -> Control:
    return Control(None, None, None, expected, None, False, sentence)
