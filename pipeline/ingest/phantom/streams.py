"""Random streams by purpose: drawing more for one purpose changes no other."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for."""

    PAIR = 0
    LESIONS = 1
    BODY = 2
    OUTLINE = 3
    TISSUE = 4
    CONFUSERS = 5
    PLACES = 6
    SHAPES = 7
    NOISE = 8
    READER = 9


def stream(seed: int, purpose: Stream, *indices: int) -> np.random.Generator:
    """The generator for a purpose and, say, patient, side and view."""
    return np.random.default_rng([seed, int(purpose), *indices])
