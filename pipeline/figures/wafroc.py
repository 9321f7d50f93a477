"""The wAFROC figure of merit: lesions against the worst false alarm of normal images.

theta = 1 / (K1 K2) * sum over normal images i, abnormal images j and lesions l of j of
        w_jl * psi(x_i, y_jl)

x_i is the highest score of a false alarm on image i and y_jl that of the lesion, -inf where there
is none; psi is 1 where y is higher, 1/2 where they are equal, 0 otherwise; the weights of the
lesions of an image add up to 1, here all alike. So an image with three lesions counts as much as
one with one, and it is the ROC AUC of lesions against normal images, the lesions weighted. Normal
is an image on which a false alarm is known to be one and which has no lesion that counts.

Source: Chakraborty and Zhai 2016, doi:10.1118/1.4947125.
"""

import numpy as np

from pipeline.figures.bootstrap import Scored, Searched
from pipeline.figures.figure import Undefined
from pipeline.figures.froc import Matches
from pipeline.figures.ranking import roc_auc
from pipeline.figures.ranking_bootstrap import auc_samples


def wafroc(of: Searched) -> float:
    """The wAFROC figure of merit; 1 is ideal, and without any mark it is 1/2.

    Raises:
        Undefined: there are no lesions, or no normal images.
    """
    cases = _lesions_and_normal_images(of)
    return roc_auc(cases.labels, cases.scores, cases.weights)


def wafroc_samples(of: Searched, weights: np.ndarray) -> np.ndarray:
    """It in each bootstrap sample, (samples,).

    Args:
        weights: how often each patient was drawn, (samples, patients).
    """
    return auc_samples(_lesions_and_normal_images(of), weights)


def lesion_weights(matches: Matches) -> np.ndarray:
    """Weight of each lesion: those of an image are alike and add up to 1, (L,)."""
    return 1 / np.bincount(matches.lesion_images)[matches.lesion_images]


def normal_images(matches: Matches) -> np.ndarray:
    """Indices of the images without a lesion, rising."""
    return np.setdiff1d(np.arange(matches.images), matches.lesion_images)


def _lesions_and_normal_images(of: Searched) -> Scored:
    matches, normal = of.matches, normal_images(of.matches)
    for name, there in (("lesion", matches.lesion_scores), ("normal image", normal)):
        if not len(there):
            raise Undefined(f"wAFROC needs at least one {name}, there is none")
    highest = np.full(matches.images, -np.inf)
    np.maximum.at(highest, matches.false_images, matches.false_scores)
    scores = np.concatenate([matches.lesion_scores, highest[normal]])
    marked = np.isfinite(scores)
    lowest = scores[marked].min() if marked.any() else 0.0
    return Scored(
        labels=np.repeat([1, 0], [len(matches.lesion_scores), len(normal)]),
        scores=np.where(marked, scores, lowest - 1),  # below every mark, and alike
        patient=of.patient_of_image[np.concatenate([matches.lesion_images, normal])],
        weights=np.concatenate([lesion_weights(matches), np.ones(len(normal))]),
    )
