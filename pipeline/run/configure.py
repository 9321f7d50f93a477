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
        UserError: a wrong CONFIG, SET or MODEL, or a setting that contradicts the model; or the
            run remembers a MODEL that Make, which went by RUN/settings, did not know.
    """
    settings, now = joined(run, config=config, overrides=overrides, model=model)
    if not now.model:
        return _remembered(run, settings, now)
    if borrow is None:
        raise ValueError(f"{run.root} uses the model of {now.model}: say how to read it")
    place = Path(now.model)
    # Its patients are all test patients: their tables would replace those of the training.
    if place.resolve() in (run.root.resolve(), run.model.resolve()):
        raise UserError(
            f"MODEL={now.model} is the folder of this run. Name another one for what is done with "
            "the model, e.g. RUN=runs/mine."
        )
    borrowed = borrow(place)
    sentences = _remembered(run, _with_model(settings, now, borrowed.sections), now)
    make_knows = bool(model) or run.borrowed_model.is_file()
    content = {"model": now.model, "sha256": borrowed.sha256}
    write_text_if_changed(run.borrowed_model, yaml_text(content))
    if not make_knows:
        raise UserError(
            f"{run.root} uses the model of {now.model} and trains none, which make did not know: "
            f"{run.borrowed_model} was missing. It is there now; give the same command again."
        )
    return sentences


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


def _with_model(settings: Settings, now: Remembered, sections: Mapping[str, Section]) -> Settings:
    """The settings with the sections of a model in place of their own.

    Raises:
        UserError: CONFIG or SET gives something else for them than the model.
    """
    tree = yaml.safe_load(Path(now.config).read_text(encoding="utf-8")) or {}
    in_config = {f"{section}.{key}" for section, values in tree.items() for key in values}
    for name in sorted(in_config | set(now.overrides)):
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


def _remembered(run: RunFolder, settings: Settings, now: Remembered) -> list[str]:
    """Write the settings; say which finished stages will be redone."""
    stages = list(STAGE_SECTIONS)
    return [
        f"The settings of {stage} changed: {', '.join(stages[stages.index(stage) :])} will be "
        f"redone when asked for; what is in {run.root} stays until then."
        for stage in remember(run, settings, now)
        if GRAPH[stage].target(run).exists()
    ]
