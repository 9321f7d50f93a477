"""What one command gives for a run (CONFIG, SET, MODEL, INPUT), joined with what it remembers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from pipeline.config import Section, Settings
from pipeline.model.network_fit import check_network
from pipeline.run.atomic import write_text_if_changed, yaml_text
from pipeline.run.checksum import file_sha256
from pipeline.run.errors import UserError
from pipeline.run.graph import GRAPH, STAGE_SECTIONS
from pipeline.run.layout import RunFolder
from pipeline.run.settings import Remembered, joined, remember

if TYPE_CHECKING:
    from pipeline.model.card import ModelCard


def configure(
    run: RunFolder,
    *,
    config: str = "",
    overrides: Mapping[str, str] | None = None,
    model: str = "",
) -> list[str]:
    """Write RUN/settings and return sentences that say what will be redone.

    With MODEL a run takes over the image that the model was trained on, the meaning of its number
    and the maps that it was calibrated on, whatever CONFIG says of them.

    Args:
        config, overrides, model: what replaces the remembered; empty where nothing does.

    Raises:
        UserError: a wrong CONFIG, SET or MODEL, a network that cannot be trained with the other
            settings, or a SET that contradicts the model; or the run
            remembers a MODEL that Make, which went by RUN/settings, did not know.
    """
    settings, now = joined(run, config=config, overrides=overrides, model=model)
    if not now.model:
        if not run.model_file.is_file():
            check_network(settings)
        return _remembered(run, settings, now)
    place = Path(now.model)
    # Its patients are all test patients: their tables would replace those of the training.
    if place.resolve() in (run.root.resolve(), run.model.resolve()):
        raise UserError(
            f"MODEL={now.model} is the folder of this run. Name another one for what is done with "
            "the model, e.g. RUN=runs/mine."
        )
    settings, card, said = settings_with_model(settings, now)
    sentences = said + _remembered(run, settings, now)
    make_knows = bool(model) or run.borrowed_model.is_file()
    from pipeline.model.card import card_path  # takes a second

    content = {"model": now.model, "sha256": file_sha256(card_path(card.folder))}
    write_text_if_changed(run.borrowed_model, yaml_text(content))
    if not make_knows:
        raise UserError(
            f"{run.root} uses the model of {now.model} and trains none, which make did not know: "
            f"{run.borrowed_model} was missing. It is there now; give the same command again."
        )
    return sentences


def settings_with_model(
    settings: Settings, now: Remembered
) -> tuple[Settings, "ModelCard", list[str]]:
    """The settings with the sections of MODEL in place of their own, its card, a sentence on that.

    What CONFIG says of them is for a training with it, so the model goes before it.

    Raises:
        UserError: MODEL holds no finished model; SET gives something else for these sections, or
            for the network, than the model has.
    """
    from pipeline.model.card import named_model, read_card  # takes a second

    card = read_card(named_model(Path(now.model)))
    sections: dict[str, Section] = {"image": card.image, "labels": card.labels, "maps": card.maps}
    brought = {name: section.model_dump() for name, section in sections.items()}
    own = settings.model_dump()
    of_model = {**brought, "network": card.settings.get("network", {})}
    tree = yaml.safe_load(Path(now.config).read_text(encoding="utf-8")) or {}
    in_config = {f"{section}.{key}" for section, values in tree.items() for key in values}
    others = []
    for name in sorted(in_config | set(now.overrides)):
        section, key = name.split(".", 1)
        values = of_model.get(section, {})
        if key not in values or own[section][key] == values[key]:
            continue
        if name in now.overrides:
            raise UserError(
                f"{name} is {own[section][key]} in SET and {values[key]} in MODEL={now.model}. A "
                f"model brings its own; leave {name} out, or take another RUN if this one "
                "remembers it."
            )
        if section in brought:
            others.append(f"{name}={values[key]} (not {own[section][key]})")
    said = f"MODEL={now.model} goes before {now.config} in {', '.join(others)}."
    return settings.model_copy(update=sections), card, [said] if others else []


def _remembered(run: RunFolder, settings: Settings, now: Remembered) -> list[str]:
    """Write the settings; say which finished stages will be redone."""
    stages = list(STAGE_SECTIONS)
    return [
        f"The settings of {stage} changed: {', '.join(stages[stages.index(stage) :])} will be "
        f"redone when asked for; what is in {run.root} stays until then."
        for stage in remember(run, settings, now)
        if GRAPH[stage].target(run).exists()
    ]
