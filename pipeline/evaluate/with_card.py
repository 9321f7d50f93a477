"""Judged mammograms with the calibration and the score of candidates of another card."""

from dataclasses import replace

import pandas as pd
from scipy.special import expit

from pipeline.evaluate.load import Judged, calibrated
from pipeline.model.calibration import Calibration
from pipeline.model.card import ModelCard
from pipeline.model.other_breast import other_breast


def with_card(judged: Judged, card: ModelCard) -> Judged:
    """The same maps with the probabilities of another calibration, and the scores of that card."""
    images, calibration = judged.images, card.calibration
    highest = images["trained_logit"].to_numpy()
    known = images.assign(other=other_breast(images, highest)).set_index("image_id")

    def scored(table: pd.DataFrame, lowered: str) -> pd.DataFrame:
        of = known.loc[table["image_id"]]
        features = {"highest": of["trained_logit"].to_numpy(), "other": of["other"].to_numpy()}
        score = card.score(table[lowered].to_numpy(), **features)
        return calibrated(table, calibration).assign(**score)

    regions = scored(judged.regions, "lowered_logit")
    return replace(
        judged,
        images=scored(images, "trained_logit"),
        positions=calibrated(judged.positions, calibration),
        candidates=scored(judged.candidates, "lowered_logit"),
        regions=regions.assign(peak_probability=expit(regions["shown_logit"])),
        card=card,
    )


def before_calibration(judged: Judged, *, temperature: float = 1.0) -> Judged:
    """The same with the network's logits over a temperature in place of calibrated ones.

    Scores are the lowered ones of these.
    """
    bare = Calibration(0.5, 0.5, temperature)
    changed = {"calibration": bare, "candidate_score": None}
    return with_card(judged, judged.card.model_copy(update=changed))
