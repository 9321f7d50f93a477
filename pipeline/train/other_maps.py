"""A finished training whose map settings changed: its weights stay, its maps are judged anew.

Weights are chosen on validation maps, so other maps might have chosen those of another epoch; that
does not justify hours of training, and the history tells which epoch it was.
"""

from models.dense import logit_map
from models.network import PatchNetwork
from pipeline.model.card import read_card
from pipeline.model.folder import HISTORY, load_network, write_model
from pipeline.model.validation import (
    ImageScores,
    MapRule,
    at_one_level,
    score_images,
    validation_figures,
)
from pipeline.run.stage import Stage
from pipeline.train.finish import describe_model, ending_metrics, judge_validation
from pipeline.train.inputs import Inputs


def finish_again(stage: Stage, inputs: Inputs, identity: dict[str, str]) -> str:
    """Calibrate RUN/model on the maps of the settings of today and write it anew.

    Args:
        identity: of a training with these settings.

    Returns:
        A summary in one line.
    """
    folder = stage.run.model
    print(f"Only map settings are new: the weights in {folder} stay.", flush=True)
    network = load_network(folder)
    former = read_card(folder).training
    history = (folder / HISTORY).read_text(encoding="utf-8")
    scores, level = map_scores(stage, inputs, network)
    ending = judge_validation(stage, inputs, scores)
    figures = validation_figures(inputs.validation, scores)
    training = {**former.model_dump(), **figures, "identity": identity}
    description = describe_model(stage, inputs, network.spec, ending, training, level=level)
    kept = write_model(stage.run, network, description, history=history)
    print(f"The former model was moved to {kept}.")
    known = {f"best/{name}": value for name, value in figures.items() if value is not None}
    stage.events.metrics(known | ending_metrics(ending))
    for path in sorted(folder.iterdir()):
        stage.events.artifact(path, folder="model")
    return f"{folder}: {ending}"


def map_scores(
    stage: Stage, inputs: Inputs, network: PatchNetwork
) -> tuple[list[ImageScores], float]:
    """Scores of the validation maps as users get them, and their usual level."""
    settings = stage.settings
    rule = MapRule.from_settings(
        settings.maps,
        spacing_mm=settings.image.spacing_mm,
        stride_px=network.stride_px,
        label_pitch_px=settings.labels.pitch_px(spacing_mm=settings.image.spacing_mm),
    )
    scores = score_images(
        lambda pixels: logit_map(
            network, pixels, pitch_px=rule.pitch_px, flips=rule.flips, zooms=rule.zooms
        ),
        inputs.validation,
        rule,
    )
    return at_one_level(list(scores), share=rule.level_share)
