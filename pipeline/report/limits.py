"""What a model cannot do, or is not known to do, in sentences computed from its numbers."""

from collections.abc import Iterator, Mapping, Sequence

from pipeline.figures.registry import BASELINES, METRICS
from pipeline.model.calibration import FEW_LESIONS
from pipeline.model.card import ModelCard
from pipeline.model.seen_patients import calibration_overlap_text, training_overlap_text
from pipeline.pages.filters import figure_text
from pipeline.run.words import percent

WIDE = 0.1
# Those that the other limits rest on.
JUDGED = [METRICS[name] for name in ("patch_auc", "image_auc", "mean_froc")]
ALIKE = ", findings counted alike"


def limits_of_training(model: ModelCard, datasets: Sequence[str]) -> list[str]:
    """Limits that are known when the training is finished.

    Args:
        model: the card of the model.
        datasets: names of the data sets of the training patients, where they are known.
    """
    return [
        *_of_data(datasets),
        *_of_fit(model),
        *_of_level(model),
        *_of_prior(model),
        *_of_code(model),
    ]


def limits_of_results(metrics: Mapping) -> list[str]:
    """Limits that the figures of metrics.json show."""
    return [
        *_of_size(metrics),
        *_of_ranking(metrics),
        *_of_baselines(metrics),
        *_of_calibration(metrics.get("calibration") or {}),
        *_of_same_patients(metrics),
    ]


def _of_data(datasets: Sequence[str]) -> Iterator[str]:
    if len(datasets) == 1:
        yield (
            f"One data set only: all training patients are of {datasets[0]}. How the model does on "
            "other machines and other women is not known."
        )


def _of_fit(model: ModelCard) -> Iterator[str]:
    on = model.calibrated_on
    lesions = on.lesions if on else model.training.validation.lesions
    whose = "the patients that it was calibrated on" if on else "the validation patients"
    if lesions == 0:
        yield f"The temperature was not fitted: {whose} have no finding. Probabilities are rough."
    elif lesions < FEW_LESIONS:
        yield (
            f"The temperature was fitted on {_count(lesions, 'finding')} of {whose}, fewer than "
            f"{FEW_LESIONS}: the probabilities are rough."
        )


def _of_level(model: ModelCard) -> Iterator[str]:
    if share := model.maps.level_share:
        yield (
            f"{percent(share)} of a mammogram's own level is taken off its map (maps.level_share). "
            "A finding raises that level the more, the more of the breast it fills, so the numbers "
            "are too low in a finding that fills much of the breast."
        )


def _of_prior(model: ModelCard) -> Iterator[str]:
    prior = percent(model.calibration.natural_prior)
    yield (
        f"Every probability assumes that {prior} of the positions in the breast are abnormal, as "
        "counted where the model was calibrated. Where abnormalities are rarer, as in screening, "
        "all numbers are too high (heatmap.prior sets another share)."
    )


def _of_code(model: ModelCard) -> Iterator[str]:
    if model.dirty:
        yield "The model was made by code that differed from its commit, so nobody can repeat it."


def _of_size(metrics: Mapping) -> Iterator[str]:
    wide = [
        f"{metric.title} {figure_text(metrics[metric.name])}"
        for metric in JUDGED
        if _is_wide(metrics[metric.name])
    ]
    if wide:
        counts = metrics["counts"]
        judged = (
            f"{_count(counts['patients'], 'patient')} with {_count(counts['lesions'], 'finding')}"
        )
        yield f"Wide intervals: {'; '.join(wide)}. {judged} cannot tell more."
    for metric in JUDGED:
        figure = metrics[metric.name]
        if figure["value"] is None:
            yield f"The {metric.title} is not known: {figure.get('reason', 'it is undefined')}."
        elif figure["low"] is None:
            yield f"The {metric.title} has no interval: {figure.get('reason', 'too few patients')}."


def _of_ranking(metrics: Mapping) -> Iterator[str]:
    for name, what in (
        ("patch_auc", "abnormal positions from normal ones"),
        ("image_auc", "abnormal mammograms from normal ones by their highest probability"),
    ):
        figure = metrics[name]
        if figure["low"] is not None and figure["low"] <= 0.5:
            yield (
                f"It is not shown that the model tells {what} better than chance: the interval of "
                f"the {METRICS[name].title}, {figure_text(figure)}, {_beside(figure, 0.5)}."
            )


def _of_baselines(metrics: Mapping) -> Iterator[str]:
    for name, baseline in BASELINES.items():
        lead = metrics["baselines"].get(name, {}).get("lead_of_the_network")
        if not lead or lead["low"] is None or lead["low"] > 0:
            continue
        if lead["high"] < 0:
            yield (
                f"The network ranks positions worse than {baseline.sees} does, by "
                f"{figure_text(lead)}."
            )
        else:
            yield (
                "It is not shown that the network ranks positions better than "
                f"{baseline.sees} does: its lead is {figure_text(lead)}."
            )


def _of_calibration(calibration: Mapping) -> Iterator[str]:
    for which, addition in (("after", ""), ("lesions_equal", ALIKE)):
        figures = calibration.get(which) or {}
        ratio, slope = figures.get("observed_over_expected"), figures.get("slope")
        if ratio and _excludes(ratio, 1):
            kind = "low: more" if ratio["low"] > 1 else "high: less"
            yield (
                f"The probabilities are too {kind} is abnormal than they say. Observed / expected "
                f"is {figure_text(ratio)}{addition}; its interval excludes 1."
            )
        if slope and _excludes(slope, 1):
            kind = "timid" if slope["low"] > 1 else "extreme"
            yield (
                f"The probabilities are too {kind}: the calibration slope is "
                f"{figure_text(slope)}{addition}; its interval excludes 1."
            )


def _of_same_patients(metrics: Mapping) -> Iterator[str]:
    if same := metrics.get("patients_of_the_calibration"):
        text = calibration_overlap_text(same, of=metrics["counts"]["patients"])
        yield text[0].upper() + text[1:]
    if seen := metrics.get("patients_of_the_training"):
        text = training_overlap_text(seen, of=metrics["counts"]["patients"])
        yield text[0].upper() + text[1:]


def _is_wide(figure: Mapping) -> bool:
    return figure["low"] is not None and figure["high"] - figure["low"] > WIDE


def _excludes(figure: Mapping, ideal: float) -> bool:
    return figure["low"] is not None and not figure["low"] <= ideal <= figure["high"]


def _beside(figure: Mapping, chance: float) -> str:
    return f"contains {chance:g}" if figure["high"] >= chance else f"lies below {chance:g}"


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
