"""The score of a candidate: how sure it is that it marks a finding, in log odds.

The map's number answers for a place, and its score for a candidate: what is known of the whole
mammogram and of the other breast counts for the score alone. The map stays what it is.
"""

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Term:
    """What a feature adds to the log odds: weight * (feature - mean); nothing where unknown."""

    weight: float
    mean: float  # over the candidates that the weight was fitted on

    def __call__(self, feature: ArrayLike) -> np.ndarray:
        return self.weight * np.nan_to_num(np.asarray(feature, np.float64) - self.mean)


@dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class CandidateScore:
    """A logistic regression: expit of its sum is the probability that a candidate marks a finding.

    The finding is an outlined one that counts; the candidate is the best of those inside it, since
    the others were left out of the fit.
    """

    intercept: float
    # of the candidate's lowered logit; its weight is above 0, so that candidates of one mammogram
    # keep their order
    lowered: Term
    highest: Term  # of the highest logit of its own mammogram: a place far below it is one of many
    other: Term  # of the highest logit of the other breast in the same view
    # lesions, women: whose candidates it was fitted on
    lesions: int = Field(ge=1)
    women: int = Field(ge=1)

    @property
    def highest_log_odds(self) -> float:
        """Of the highest probability that is shown, see `Calibration.highest_logit`."""
        return float(np.log1p(self.lesions))

    @property
    def in_words(self) -> str:
        """What the score is, as a sentence."""
        return (
            "A candidate's score is the probability that it marks an outlined finding: a logistic "
            "regression on its logit, lowered by the candidates before it, the highest logit of "
            "its mammogram and that of the other breast in the same view where there is one, "
            f"fitted on {self.lesions} findings of {self.women} women by networks that had not "
            "seen them."
        )

    def log_odds(self, lowered: ArrayLike, *, highest: ArrayLike, other: ArrayLike) -> np.ndarray:
        """The score, of the shape that the features have together.

        Args:
            lowered: of candidates, or of all places of a map.
            highest: of their mammograms.
            other: of the other breast in the same view; NaN where there is none.
        """
        return self.intercept + self.lowered(lowered) + self.highest(highest) + self.other(other)
