"""A finished model calibrated anew on a site's own labelled patients.

Reads   the tables of heatmap of RUN, which uses MODEL; MODEL's folder
Writes  RUN/model: the same weights with the site's prior, temperature and region threshold;
        RUN/model/model-card.md, its card;
        RUN/calibrate.json: what that does to the probabilities of patients it did not see
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict

from pipeline.config import EvaluateSettings
from pipeline.evaluate.judge import Bootstrap, probability_figures, scored_positions
from pipeline.evaluate.load import load_judged
from pipeline.figures.figure import Undefined
from pipeline.figures.registry import Place, probability_metrics
from pipeline.model.calibration import FEW_LESIONS, Calibration
from pipeline.model.card import ModelCard, card_path, model_folder, read_card
from pipeline.model.card_parts import SiteCard
from pipeline.model.fit import Fitted, support_of
from pipeline.model.fit_calibration import TEMPERATURE_LIMITS, lacks_overlap
from pipeline.model.folder import copy_model
from pipeline.model.seen_patients import met_in_training, pixel_hashes
from pipeline.model.threshold import Threshold, region_threshold
from pipeline.pages.filters import figure_text
from pipeline.report.model_card import write_model_card
from pipeline.run.atomic import write_json
from pipeline.run.checksum import file_sha256
from pipeline.run.code import provenance
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import recall
from pipeline.run.stage import Stage
from pipeline.run.words import aligned
from pipeline.studies.site import FOLDS, Site, cross_fitted, site_of


def calibrate(stage: Stage) -> str:
    """Fit the calibration on the patients of the run and write a model that has it.

    Returns:
        The figures before and after as a table.

    Raises:
        UserError: the run uses no other run's model, or its patients have no labelled positions
            of both classes.
    """
    run = stage.run
    name = recall(run).model
    if not name:
        raise UserError(
            "calibrate needs a finished model and labelled patients that it has not seen: "
            "make calibrate MODEL=runs/x INPUT=folder RUN=runs/y."
        )
    card = read_card(model_folder(run))
    judged = load_judged(run)
    site = site_of(judged, met=met_in_training(card, judged.images))
    fit = _fitted(site, card, fp_per_image=stage.settings.train.fp_per_image)
    new, threshold = fit.calibration, fit.threshold
    fitted = {
        "calibration": asdict(new),
        "region_threshold": threshold.probability,
        "region_threshold_source": threshold.source,
    }
    origin = _origin(card, name, site)
    notes = _notes(site, new, threshold)
    estimate = _estimate(site, card.calibration, stage.settings.evaluate)
    content = {**origin, **fitted, **estimate, "notes": notes}
    hashes = pixel_hashes(site.judged.images)
    on = SiteCard.model_validate({**origin, "pixel_hashes": hashes})
    recalibrated = card.model_copy(
        update={
            **fitted,
            "calibration": new,
            "candidate_score": card.score_at(new),
            "support": fit.support,
            "calibrated_on": on,
        }
    )
    former = copy_model(run, card.folder, recalibrated)
    if former:
        print(f"The former model was moved to {former}.")
    for note in notes:
        print(f"calibrate: warning: {note}", file=sys.stderr, flush=True)
    stage.events.metrics(
        {"temperature": new.temperature}
        | {
            f"{when}/{metric.name}": (content[when] or {}).get(metric.name, float("nan"))
            for when in ("before", "after")
            for metric in probability_metrics(within=Place.STUDY)
            if not metric.with_interval
        }
    )
    stage.events.artifact(run.model_file, folder="model")
    write_json(run.site_calibration, content)
    stage.events.artifact(run.site_calibration)
    stage.events.artifact(write_model_card(run, calibrated=True), folder="model")
    return calibration_text(content, run)


def calibration_text(content: Mapping, run: RunFolder) -> str:
    """Before and after as a table for the terminal."""
    before, after = content["before"], content["after"] or {}
    old, new = content["calibration_before"], content["calibration"]
    metrics = probability_metrics(within=Place.STUDY)
    rows: list[tuple] = [(of.title, before[of.name], after.get(of.name)) for of in metrics]
    parts = ("natural_prior", "training_prior", "temperature", "bend")
    rows += [(name.replace("_", " "), old[name], new[name]) for name in parts]
    name = "region_threshold"
    rows.append(("region threshold", content[f"{name}_before"], content[name]))
    shown = [(what, figure_text(a), figure_text(b)) for what, a, b in rows]
    return (
        f"\n{aligned([('', 'before', 'after'), *shown])}\n{content['patients']} patients, "
        f"{content['lesions']} lesions, {content['positions']:,} positions. After: "
        f"{content['estimated']}.\nThe natural prior is the share among these patients; "
        f"heatmap.prior sets another one. MODEL={run.root} uses the new calibration."
    )


def _fitted(site: Site, card: ModelCard, *, fp_per_image: float) -> Fitted:
    try:
        new = site.refit(card.calibration)
        evidence = site.evidence()
    except Undefined as why:
        raise UserError(
            f"{why}; the fully outlined mammograms have {int(site.labels.sum())} positive and "
            f"{int((site.labels == 0).sum())} negative ones. Give findings with outlines, and "
            "mammograms that are known to be normal (docs/findings-csv.md)."
        ) from why
    threshold = region_threshold(
        evidence.false_alarms, new, fp_per_image=fp_per_image, whose="site"
    )
    return Fitted(new, threshold, support_of(evidence, new))


def _notes(site: Site, new: Calibration, threshold: Threshold) -> list[str]:
    """What makes the new calibration doubtful, in sentences."""
    lesions, (low, high) = site.judged.lesions, TEMPERATURE_LIMITS
    notes = (
        (
            site.left_out,
            f"{site.left_out} patients are left out: the model was trained on them.",
        ),
        (
            site.not_outlined,
            f"{site.not_outlined} mammograms are left out: not everything abnormal is outlined, "
            "or nobody knows their outcome.",
        ),
        (
            lesions < FEW_LESIONS,
            f"The calibration is fitted on {lesions} lesions, fewer than {FEW_LESIONS}: the "
            "probabilities are rough, and of the network only the temperature is fitted.",
        ),
        (
            lacks_overlap(site.labels, site.logits),
            "The network separates the classes: the temperature stays as it was.",
        ),
        (
            not 1.01 * low < new.temperature < 0.99 * high,
            f"The temperature of {new.temperature:.3g} is at its limit: on these patients the "
            "network hardly ranks, or the labels are of something else.",
        ),
        (threshold.is_guess, f"The region threshold is {threshold.source}."),
    )
    return [note for applies, note in notes if applies]


def _origin(card: ModelCard, name: str, site: Site) -> dict:
    """Where the calibration comes from; the part that the new model keeps."""
    judged = site.judged
    return {
        "model": name,
        "model_sha256": card.sha256,
        "description_sha256": file_sha256(card_path(card.folder)),
        "datasets": sorted(judged.images["dataset"].unique()),
        "patients": len(judged.patients),
        "mammograms": len(judged.images),
        "lesions": site.judged.lesions,
        "positions": len(site.labels),
        "positives": int(site.labels.sum()),
        **provenance(),
        "calibration_before": asdict(card.calibration),
        "region_threshold_before": card.region_threshold,
    }


def _estimate(site: Site, old: Calibration, settings: EvaluateSettings) -> dict:
    """The figures of both calibrations on patients that neither was fitted on."""
    cases, bootstrap = scored_positions(site.judged), Bootstrap.of(site.judged, settings)
    before = probability_figures(cases.scored_by(old.shown_logit(site.logits)), bootstrap)
    try:
        after = probability_figures(cases.scored_by(cross_fitted(site, old)), bootstrap)
    except Undefined as why:
        return {"before": before, "after": None, "estimated": f"unknown, {why} in each fold"}
    how = f"each patient by a calibration of the other patients, in {FOLDS} folds"
    return {"before": before, "after": after, "estimated": how}
