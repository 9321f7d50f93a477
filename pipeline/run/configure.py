"""What one command gives for a run (CONFIG, SET, MODEL, INPUT), joined with what it remembers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from pipeline.config import Section, Settings
from pipeline.run.atomic import write_text_if_changed, yaml_text
from pipeline.run.errors import UserError
from pipeline.run.graph import GRAPH, STAGE_SECTIONS
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, build_settings, recall, remember

DEFAULT_CONFIG = "configs/default.yaml"


@dataclass(frozen=True)
class Borrowed:
    """What the model of another run brings with it.

    Attributes:
        sections: settings by name: the image that it was trained on, the meaning of its number,
            the maps that it was calibrated on.
        sha256: of its description.
    """

    sections: Mapping[str, Section]
    sha256: str


def configure(
    run: RunFolder,
    *,
    config: str = "",
    overrides: Mapping[str, str] | None = None,
    model: str = "",
    borrow: Callable[[Path], Borrowed] | None = None,
) -> list[str]:
    """Write RUN/settings and return sentences that say what will be redone.

    Args:
        config, overrides, model: what replaces the remembered; empty where nothing does.
        borrow: reads the model in the place that MODEL names; needed where the run has one.

    Raises:
        UserError: a wrong CONFIG, SET or MODEL, or a setting that contradicts the model.
    """
    settings, now = joined(run, config=config, overrides=overrides, model=model)
    borrowed = None
    if now.model:
        if borrow is None:
            raise ValueError(f"{run.root} uses the model of {now.model}: say how to read it")
        _check_other_folder(run, now.model)
        borrowed = borrow(Path(now.model))
        settings = _with_model(settings, now, borrowed.sections)
    changed = remember(run, settings, now)
    if borrowed:
        content = {"model": now.model, "sha256": borrowed.sha256}
        write_text_if_changed(run.borrowed_model, yaml_text(content))
    return [_say_redone(run, stage) for stage in changed if GRAPH[stage].target(run).exists()]


def joined(
    run: RunFolder,
    *,
    config: str = "",
    overrides: Mapping[str, str] | None = None,
    model: str = "",
) -> tuple[Settings, Remembered]:
    """The settings of a run with what a command gives; writes nothing.

    Raises:
        UserError: a wrong CONFIG or SET.
    """
    before = recall(run)
    now = Remembered(
        config or before.config or DEFAULT_CONFIG,
        before.overrides | dict(overrides or {}),
        model or before.model,
    )
    return build_settings(Path(now.config), now.overrides), now


def _check_other_folder(run: RunFolder, model: str) -> None:
    """A run whose patients are all test patients would overwrite that of the training."""
    if Path(model).resolve() in (run.root.resolve(), run.model.resolve()):
        raise UserError(
            f"MODEL={model} is the folder of this run. Name another one for what is done with the "
            "model, e.g. RUN=runs/mine."
        )


def _with_model(settings: Settings, now: Remembered, sections: Mapping[str, Section]) -> Settings:
    """The settings with the sections of a model in place of their own.

    Raises:
        UserError: CONFIG or SET gives something else for them than the model.
    """
    for name in sorted(_given_names(now)):
        section, key = name.split(".", 1)
        if section not in sections:
            continue
        own, model = (
            getattr(part, key) for part in (getattr(settings, section), sections[section])
        )
        if own != model:
            raise UserError(
                f"{name} is {own} in CONFIG or SET and {model} in MODEL={now.model}. A model "
                f"brings its own; leave {name} out."
            )
    return settings.model_copy(update=dict(sections))


def _given_names(now: Remembered) -> set[str]:
    """The settings that CONFIG or SET names."""
    tree = yaml.safe_load(Path(now.config).read_text(encoding="utf-8")) or {}
    in_config = {f"{section}.{key}" for section, values in tree.items() for key in values}
    return in_config | set(now.overrides)


def _say_redone(run: RunFolder, stage: str) -> str:
    later = list(STAGE_SECTIONS)[list(STAGE_SECTIONS).index(stage) :]
    return (
        f"The settings of {stage} changed: {', '.join(later)} will be redone when asked for; "
        f"what is in {run.root} stays until then."
    )
