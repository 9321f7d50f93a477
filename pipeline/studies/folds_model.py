"""The networks of all folds as one model, for women who are in none of them.

Its map is the mean of the logits of all networks, each fold's over the temperature of that fold.
What follows is fitted on the test women of all folds together, as a training with several networks
fits it on the women that these left out (pipeline/model/fit.py).

Reads   RUN/folds/<k>/model
Writes  RUN/folds/model, RUN/folds/model-card.md, so that MODEL=RUN/folds names it
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.annotations.labels import POSITIVE
from pipeline.evaluate.load import Judged
from pipeline.evaluate.pooled import pool
from pipeline.evaluate.refit import before_calibration, evidence_of, fitted_score
from pipeline.model.card import ModelCard, has_model, read_card
from pipeline.model.card_parts import FoldCard, SplitCard, TrainingCard
from pipeline.model.fit import fit_to
from pipeline.model.folder import load_network, network_card, write_model
from pipeline.model.seen_patients import pixel_hashes
from pipeline.model.training_data import data_behind
from pipeline.report.model_card import write_model_card
from pipeline.run.code import git_commit
from pipeline.run.layout import RunFolder
from pipeline.run.stage import Stage


def write_folds_model(stage: Stage, folds: Sequence[Judged]) -> Path:
    """Write RUN/folds/model and its card.

    Args:
        folds: the test patients of each fold, with the calibration to use.

    Returns:
        The folder of the model.
    """
    from models.network import ensemble_of

    cards = [fold.card for fold in folds]
    first, trainings = cards[0], [card.training for card in cards]
    network = ensemble_of(*_members(cards))
    pooled = pool(
        [before_calibration(f, temperature=f.card.calibration.temperature) for f in folds]
    )
    positives = int((pooled.positions["label"] == POSITIVE).sum())
    fitted = fit_to(
        evidence_of(pooled),
        prior=positives / len(pooled.positions),
        fp_per_image=stage.settings.train.fp_per_image,
        whose="out-of-fold",
    )
    everybody = SplitCard(
        patients=len(pooled.patients),
        mammograms=len(pooled.images),
        lesions=pooled.lesions,
        positives=positives,
        negatives=len(pooled.positions) - positives,
    )
    commit, dirty = git_commit()
    card = ModelCard(
        network=network_card(network.spec),
        kinds=first.kinds,
        image=first.image,
        labels=first.labels,
        maps=first.maps,
        usual_level=float(np.mean([card.level / card.calibration.temperature for card in cards])),
        calibration=fitted.calibration,
        support=fitted.support,
        candidate_score=fitted_score(pooled),
        region_threshold=fitted.threshold.probability,
        region_threshold_source=fitted.threshold.source,
        training=TrainingCard(
            parameters=sum(t.parameters for t in trainings),
            steps=sum(t.steps for t in trainings),
            crops=sum(t.crops for t in trainings),
            seconds=sum(t.seconds for t in trainings),
            precision=trainings[0].precision,
            replicas=trainings[0].replicas,
            validation_auc=None,
            validation_loss=None,
            # Each patient trained some of the networks and calibrated the others.
            train=everybody,
            validation=everybody,
            data=data_behind(pooled.images),
            pixel_hashes=tuple(pixel_hashes(pooled.images)),
            folds=_identity(folds),
        ),
        commit=commit,
        dirty=dirty,
        recipe=min(card.recipe for card in cards),
        settings=first.settings,
        sha256="",
    )
    whole = stage.run.folds
    write_model(whole, network, card, history="")
    for path in sorted(whole.model.iterdir()):
        stage.events.artifact(path, folder="model")
    stage.events.artifact(write_model_card(whole))
    return whole.model


def is_current(run: RunFolder, folds: Sequence[Judged]) -> bool:
    """Whether RUN/folds/model was made from exactly these networks and calibrations."""
    model = run.folds.model
    return has_model(model) and read_card(model).training.folds == _identity(folds)


def _members(cards: Sequence[ModelCard]) -> tuple[list, list[float]]:
    """All networks of all folds, and what to divide the logits of each by."""
    networks, temperatures = [], []
    for card in cards:
        whole = load_network(card.folder)
        networks += whole.members
        temperatures += [t * card.calibration.temperature for t in whole.temperatures]
    return networks, temperatures


def _identity(folds: Sequence[Judged]) -> tuple[FoldCard, ...]:
    cards = [fold.card for fold in folds]
    return tuple(
        FoldCard(sha256=c.sha256, calibration=c.calibration, maps=c.maps, level=c.level)
        for c in cards
    )
