"""The marks of a run as programs for reader studies read them: RJafroc and iMRMC.

The model is reader 1 with modality 1. A case is a mammogram: its number is its place, from 1, among
the judged mammograms by id; cases.csv says which is which. Both programs take cases as independent
of each other, which two mammograms of a woman are not: their intervals are narrower than those of
metrics.json, which draws women. patients.imrmc has one case for each woman.

Sources: RJafroc's quick start, chapter "JAFROC FROC data format" (`newExcelFileFormat = TRUE`);
    iMRMC's user guide, input of raw scores.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from pipeline.evaluate.judge import scored_units
from pipeline.evaluate.load import UNKNOWN, Judged
from pipeline.evaluate.matching import Matched
from pipeline.figures.figure import Undefined
from pipeline.figures.registry import Need
from pipeline.figures.wafroc import lesion_weights, normal_images

READER, MODALITY = "1", "1"  # text: RJafroc splits them at commas


def cases_table(judged: Judged) -> pd.DataFrame:
    """What the numbers mean: a row for each mammogram and each of its findings that count."""
    rows = []
    for case, image in enumerate(judged.images.to_dict("records"), start=1):
        ids = {name: image[name] for name in ("image_id", "patient_id")}
        patient = judged.patients.index(image["patient_id"]) + 1
        counted = [o.finding_id for o in judged.outlines[image["image_id"]] if o.positive]
        rows += [
            {"case": case, "patient_case": patient, **ids, "lesion": lesion, "finding_id": finding}
            for lesion, finding in enumerate(counted, start=1)
        ] or [{"case": case, "patient_case": patient, **ids, "lesion": 0, "finding_id": ""}]
    return pd.DataFrame(rows)


def froc_sheets(judged: Judged, matched: Matched) -> dict[str, pd.DataFrame]:
    """The sheets TP, FP and TRUTH of RJafroc's newer format, paradigm FROC, design FCTRL.

    Ratings are the scores by which the run's own FROC ranks, so RJafroc's wAFROC figure of merit is
    that of metrics.json. Lesions of an image weigh alike. Images without known truth are left out;
    of those that are not fully outlined only the lesions are given.
    """
    matches = matched.matches
    case = judged.images.reset_index().set_index("image_id")["index"] + 1
    case_of_image = case[matched.images["image_id"]].to_numpy()
    lesion = matches.lesion_images
    # Lesions lie side by side, image by image: number them within their image.
    within = np.arange(len(lesion)) - np.searchsorted(lesion, lesion) + 1
    truth = pd.DataFrame(
        {
            "CaseID": case_of_image[lesion],
            "LesionID": within,
            "Weight": lesion_weights(matches),
        }
    )
    normal = pd.DataFrame(
        {"CaseID": case_of_image[normal_images(matches)], "LesionID": 0, "Weight": 0.0}
    )
    truth = pd.concat([normal, truth], ignore_index=True)
    truth = truth.assign(ReaderID=READER, ModalityID=MODALITY, Paradigm="")
    truth.loc[:1, "Paradigm"] = ["FROC", "FCTRL"][: len(truth)]
    marked = np.isfinite(matches.lesion_scores)
    who = {"ReaderID": READER, "ModalityID": MODALITY}
    hits = pd.DataFrame(
        {
            "CaseID": case_of_image[lesion[marked]],
            "LesionID": within[marked],
            "TP_Rating": matches.lesion_scores[marked],
        }
    )
    alarms = pd.DataFrame(
        {"CaseID": case_of_image[matches.false_images], "FP_Rating": matches.false_scores}
    )
    led = {name: table.assign(**who) for name, table in (("TP", hits), ("FP", alarms))}
    return {n: t[[*who, *t.columns.drop(list(who))]] for n, t in led.items()} | {"TRUTH": truth}


def mammograms_imrmc(judged: Judged) -> str:
    """Mammograms that are known to be abnormal or normal, by their scores, for iMRMC.

    Raises:
        Undefined: of none is it known.
    """
    known = judged.images[judged.images["truth"] != UNKNOWN]
    if not len(known):
        raise Undefined("no image is known to be abnormal or normal")
    return _imrmc("mammograms", known.index + 1, known["truth"], known["score"])


def patients_imrmc(judged: Judged) -> str:
    """Women likewise, by their highest score.

    Raises:
        Undefined: of none is it known.
    """
    women = scored_units(judged, Need.PATIENTS)
    return _imrmc("patients", women.patient + 1, women.labels, women.scores)


def _imrmc(unit: str, cases: Iterable, truth: Iterable, scores: Iterable) -> str:
    """Header, truth (reader -1, modality 0), then the scores: reader, case, modality, score."""
    cases, truth = list(cases), [int(label) for label in truth]
    lines = [
        f"{unit}; score: calibrated logit; case numbers: cases.csv",
        *(f"N{label}: {truth.count(label)}" for label in (0, 1)),
        *("NR: 1", "NM: 1", "BEGIN DATA:"),
        *(f"-1,{case},0,{label}" for case, label in zip(cases, truth, strict=True)),
        *(f"1,{case},1,{float(score)!r}" for case, score in zip(cases, scores, strict=True)),
    ]
    return "\n".join(lines) + "\n"
