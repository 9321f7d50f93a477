"""What the numbers of a run mean, in words."""

import json
from dataclasses import dataclass

import yaml

from pipeline.config import LabelSettings
from pipeline.model.seen_patients import flattery, learnt_by_heart
from pipeline.run.layout import RunFolder
from pipeline.run.words import percent


@dataclass(frozen=True)
class Meaning:
    """What heatmap.json and the label rule say, ready to be read.

    Attributes:
        abnormal: which findings count, in words.
        prior: the prior in use; empty before heatmap.
        counted_prior: the one that was counted for the model, where another is in use.
        calibrated_on: whom the model was calibrated on, where that was not in its training.
        flattery: what that means for the figures of this run, if anything.
        by_heart: what it means that the model was trained on patients of this run, if it was.
        model: name of the model; empty before heatmap.
        is_other_model: it was trained in another run.
        copies: what a map is the mean over; empty where it is one copy of one network.
    """

    abnormal: str
    prior: str = ""
    counted_prior: str = ""
    calibrated_on: str = ""
    flattery: str = ""
    by_heart: str = ""
    threshold: str = ""
    pitch: str = ""
    model: str = ""
    model_sha256: str = ""
    is_other_model: bool = False
    copies: str = ""


def read_meaning(run: RunFolder) -> Meaning:
    """The meaning of the numbers in a run, as far as it has come."""
    abnormal = _abnormal(run)
    if not run.heatmap_summary.is_file():
        return Meaning(abnormal)
    summary = json.loads(run.heatmap_summary.read_text(encoding="utf-8"))
    prior = summary["natural_prior"]
    counted = summary.get("counted_prior", prior)
    return Meaning(
        abnormal=abnormal,
        prior=percent(prior),
        counted_prior="" if counted == prior else percent(counted),
        **_calibration(summary.get("calibrated_on")),
        by_heart=_by_heart(summary.get("trained_on")),
        threshold=percent(summary["region_threshold"]),
        pitch=f"{summary['pitch_mm']:g} mm",
        model=summary["model"],
        model_sha256=summary["model_sha256"][:10],
        is_other_model=not summary["model_of_this_run"],
        copies=summary.get("copies", ""),
    )


def _calibration(on: dict | None) -> dict[str, str]:
    if not on:
        return {}
    whom = f"{on['patients']} patients with {on['lesions']} findings, {on['date']}"
    same = on["patients_here"]
    return {
        "calibrated_on": whom,
        "flattery": flattery(same, of=on["of_patients_here"]) if same else "",
    }


def _by_heart(seen: dict | None) -> str:
    return learnt_by_heart(seen["patients_here"], of=seen["of_patients_here"]) if seen else ""


def _abnormal(run: RunFolder) -> str:
    """Which findings count as abnormal, by the label rule of the run."""
    path = run.stage_settings("preprocess")
    if not path.is_file():
        return "any finding that the data set outlines"
    labels = yaml.safe_load(path.read_text(encoding="utf-8"))["labels"]
    return in_words(LabelSettings.model_validate(labels))


def in_words(rule: LabelSettings) -> str:
    """Which findings count as abnormal by a label rule."""
    kind = "any finding" if rule.kinds == "all" else f"a finding of kind {' or '.join(rule.kinds)}"
    if rule.positive == "all":
        return f"{kind} that the data set outlines, benign ones too"
    return f"{kind} that the data set outlines as {' or '.join(rule.positive)}"
