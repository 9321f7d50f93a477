"""The regions of a mammogram as a Comprehensive SR by TID 1500, Measurement Report.

A group for the mammogram as a whole, which is there without regions, too, and one by TID 1410 for
each region, which is a segment of the segmentation. Nobody has looked at it: it is unverified.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from highdicom import sr
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.seg import Segmentation
from pydicom.sr.codedict import Code, codes

from pipeline.dicom_out.object_origin import NAME, RESEARCH_USE, Origin

_LOG_ODDS = Code("{log odds}", "UCUM", "log odds")
_INTENDED_USE = sr.CodedConcept("intended-use", "99MPP", "Intended use")
_RESEARCH = sr.CodedConcept("research", "99MPP", f"{RESEARCH_USE}, not for diagnosis")
_SIDES = {"L": codes.SCT.Left, "R": codes.SCT.Right}


def structured_report(
    image: Mapping[str, Any],
    regions: pd.DataFrame,
    segments: Segmentation | None,
    origin: Origin,
    *,
    names: Sequence[str],
    laterality: str,
) -> sr.ComprehensiveSR:
    """What is known of a mammogram and of each of its regions.

    Args:
        image: its row of images.csv.
        regions: its rows of regions.csv, by rank.
        segments: the regions as segments; None where there are none.
        names: of the regions, for people.
        laterality: L, R or "".
    """
    source = origin.source
    shared: dict[str, Any] = {
        "algorithm_id": origin.of_measurements,
        "finding_category": codes.SCT.MorphologicallyAbnormalStructure,
        "finding_type": codes.NCIt.Abnormality,
        "finding_sites": [sr.FindingSite(codes.SCT.Breast, laterality=_SIDES.get(laterality))],
    }
    reference = source.SOPClassUID, source.SOPInstanceUID
    groups: list[Any] = [
        sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(origin.uid("mammogram"), "Mammogram"),
            measurements=[_probability(image["probability"], "Maximum"), *_scores(image)],
            qualitative_evaluations=[sr.QualitativeEvaluation(_INTENDED_USE, _RESEARCH)],
            source_images=[sr.SourceImageForMeasurementGroup(*reference)],
            **shared,
        )
    ]
    rows = regions.to_dict("records")
    for number, (region, name) in enumerate(zip(rows, names, strict=True), start=1):
        assert segments is not None, "regions are segments"
        frame = sr.ReferencedSegmentationFrame(
            segments.SOPClassUID,
            segments.SOPInstanceUID,
            frame_number=number,
            segment_number=number,
            source_image=sr.SourceImageForSegmentation(*reference),
        )
        # Each segment has one frame; PS3.3 10.8 allows one of the two numbers.
        del frame[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
        groups.append(
            sr.PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=sr.TrackingIdentifier(origin.uid("region", str(number)), name),
                referenced_segment=frame,
                measurements=[
                    _probability(region["peak_probability"], "Maximum"),
                    _probability(region["mean_probability"], "Mean"),
                    *_scores(region),
                    sr.Measurement(
                        codes.SCT.Area, float(region["area_mm2"]), codes.UCUM.SquareMillimeter
                    ),
                ],
                **shared,
            )
        )
    device = sr.DeviceObserverIdentifyingAttributes(
        origin.uid("device"), name=NAME, model_name=NAME, manufacturer_name=NAME
    )
    observer = sr.ObserverContext(codes.DCM.Device, device)
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.SCT.Mammography,
        imaging_measurements=groups,
    )
    made = sr.ComprehensiveSR(
        evidence=[source] if segments is None else [source, segments],
        content=report[0],
        is_complete=True,
        is_verified=False,
        coding_schemes=[CodingSchemeIdentificationItem("99MPP", name=NAME)],
        **origin.instance("report"),
    )
    made.PreliminaryFlag = "PRELIMINARY"
    origin.settle(made)
    return made


def _probability(value: float, derivation: str) -> sr.Measurement:
    return sr.Measurement(
        codes.DCM.Probability,
        float(value),
        codes.UCUM.NoUnits,
        derivation=getattr(codes.SCT, derivation),
    )


def _scores(row: Mapping[str, Any]) -> list[sr.Measurement]:
    """The score that it is ranked by, and its probability where the model has a fitted one."""
    scores = [sr.Measurement(codes.SCT.Score, float(row["score"]), _LOG_ODDS)]
    share = row["candidate_probability"]
    if np.isfinite(share):
        scores.append(
            sr.Measurement(codes.DCM.CertaintyOfFinding, 100 * float(share), codes.UCUM.Percent)
        )
    return scores
