"""One command's CONFIG, SET, MODEL and INPUT, joined with what the run remembers."""

import json
from pathlib import Path

import yaml

from pipeline.config import STAGE_SECTIONS, Settings
from pipeline.run.atomic import write_text_if_changed
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, build_settings, parse_set, recall, remember

DEFAULT_CONFIG = "configs/default.yaml"

# What a model brings with it: the image it was trained on, the meaning of its number, and the
# maps that it was calibrated on.
MODEL_SECTIONS = ("image", "labels", "maps")


def configure(
    run: RunFolder, *, config: str = "", set_text: str = "", model: str = "", input_root: str = ""
) -> list[str]:
    """Write RUN/settings and return sentences that say what will be redone.

    Raises:
        UserError: a wrong CONFIG, SET or MODEL, or a setting that contradicts the model.
    """
    before = recall(run)
    overrides = before.overrides | parse_set(set_text)
    if input_root:
        overrides["data.root"] = input_root
    now = Remembered(config or before.config or DEFAULT_CONFIG, overrides, model or before.model)
    settings = build_settings(Path(now.config), now.overrides)
    if now.model:
        _check_other_folder(run, now.model)
        settings = settings_of_model(settings, now, read_model_card(Path(now.model)))
    changed = remember(run, settings, now)
    write_text_if_changed(run.root / "settings" / "model", now.model)
    return [_say_redone(run, stage) for stage in changed if _outputs(run)[stage].exists()]


def _check_other_folder(run: RunFolder, model: str) -> None:
    """A run whose patients are all test patients would overwrite that of the training."""
    if Path(model).resolve() in (run.root.resolve(), run.model.resolve()):
        raise UserError(
            f"MODEL={model} is the folder of this run. Name another one for what is done with the "
            "model, e.g. RUN=runs/mine."
        )


def read_model_card(model_run: Path) -> dict:
    """model.json of a run folder.

    Raises:
        UserError: there is no finished model.
    """
    path = RunFolder(model_run).model / "model.json"
    if not path.is_file():
        raise UserError(
            f"MODEL={model_run} holds no finished model: {path} is missing. "
            "Name a run folder whose training finished."
        )
    return json.loads(path.read_text(encoding="utf-8"))


def settings_of_model(settings: Settings, now: Remembered, card: dict) -> Settings:
    """The settings with image, label rule and maps replaced by those of the model.

    Raises:
        UserError: CONFIG or SET says something else about them than the model.
    """
    tree = settings.model_dump(mode="json")
    for name in sorted(_said(now)):
        section, key = name.split(".", 1)
        if section in MODEL_SECTIONS and tree[section][key] != card[section][key]:
            raise UserError(
                f"{name} is {tree[section][key]} in CONFIG or SET and {card[section][key]} in "
                f"MODEL={now.model}. A model brings its own; leave {name} out."
            )
    return Settings.model_validate(tree | {s: card[s] for s in MODEL_SECTIONS})


def _said(now: Remembered) -> set[str]:
    tree = yaml.safe_load(Path(now.config).read_text(encoding="utf-8")) or {}
    in_config = {f"{section}.{key}" for section, values in tree.items() for key in values}
    return in_config | set(now.overrides)


def _outputs(run: RunFolder) -> dict[str, Path]:
    return {
        "ingest": run.catalog,
        "preprocess": run.preprocess_summary,
        "train": run.model / "model.json",
        "heatmap": run.heatmap_summary,
        "evaluate": run.metrics,
    }


def _say_redone(run: RunFolder, stage: str) -> str:
    later = list(STAGE_SECTIONS)[list(STAGE_SECTIONS).index(stage) :]
    return (
        f"The settings of {stage} changed: {', '.join(later)} will be redone when asked for; "
        f"what is in {run.root} stays until then."
    )
