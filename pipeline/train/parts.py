"""Which women each network of an ensemble leaves out: each woman is left out by exactly one.

The women of training and validation are one here; those of the test are left alone. A network is
trained on all but its own part and chooses its weights by it, so every woman trains all networks
but one and has a map of a network that never saw her.
"""

from collections.abc import Mapping

import pandas as pd

from pipeline.annotations.labels import POSITIVE
from pipeline.config import Settings
from pipeline.preprocess.split import TRAIN, VALIDATION, digest
from pipeline.run.errors import UserError
from pipeline.train.data.inputs import DEVELOPMENT, Tables, corpus_of


def parts_of(tables: Tables, settings: Settings) -> dict[str, int]:
    """The part, from 1 to train.members, of each patient of training and validation.

    Those with most lesions are dealt first, then those with another finding, then the others,
    each kind by a hash of split.seed and patient id: forth and back, as teams are chosen.

    Raises:
        UserError: there are fewer patients than networks, or not even a lesion.
    """
    parts = settings.train.members
    seen = tables.mammograms[tables.mammograms["split"].isin(DEVELOPMENT)]
    outlined = seen["image_id"].isin([name for name, of in tables.outlines.items() if of])
    others = set(seen.loc[outlined | (seen["outcome"] == "abnormal"), "patient_id"])
    lesions = _lesions(tables.positions)
    patients = sorted(
        seen["patient_id"].unique(),
        key=lambda p: (-lesions.get(p, 0), p not in others, digest(p, settings.split.seed)),
    )
    if len(patients) < parts:
        if patients and not lesions:  # the more basic reason, which this says
            corpus_of(tables.with_split(dict.fromkeys(patients, TRAIN)), settings)
        raise UserError(
            f"train.members={parts} wants at least so many patients for training and validation, "
            f"and there are {len(patients)}: each network leaves out others. Lower train.members."
        )
    forth_and_back = [*range(1, parts + 1), *range(parts, 0, -1)]
    return {p: forth_and_back[i % len(forth_and_back)] for i, p in enumerate(patients)}


def leaving_out(tables: Tables, parts: Mapping[str, int], number: int) -> Tables:
    """The tables whose training split is all but part `number`, which validates."""
    return tables.with_split({p: VALIDATION if k == number else TRAIN for p, k in parts.items()})


def that_train(tables: Tables, settings: Settings) -> Tables:
    """The tables whose training split is all women whom a network of the model is trained on."""
    if settings.train.members == 1:
        return tables
    return tables.with_split(dict.fromkeys(parts_of(tables, settings), TRAIN))


def _lesions(positions: pd.DataFrame) -> dict[str, int]:
    """Findings with a positive position of each patient that has one."""
    positive = positions[positions["label"] == POSITIVE]
    found = positive[["patient_id", "image_id", "finding_id"]].drop_duplicates()
    return found["patient_id"].value_counts().to_dict()
