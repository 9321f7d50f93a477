"""The recipe of a result: the settings that count and a version of the code that they steer.

Every file of figures that is kept carries it (`recipe_of`), and a table whose recipe is
not the one that its configuration has today says so (`changed_since`).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

from pipeline.config import Settings
from pipeline.config.effort import EFFORT_SETTINGS
from pipeline.model.card import ModelCard

# Raise it with every change of code that gives other figures for the same settings: of grey values,
# labels, split, network, loss, crops, calibration, maps, candidates, matching, metrics, phantom,
# variants of a study. A changed value or default of a setting is seen by itself.
RECIPE = 3


def recipe_of(settings: Settings, models: Iterable[ModelCard]) -> dict[str, Any]:
    """The recipe by which a result is made now.

    Args:
        settings: of the run, or of the study.
        models: that the result judges; other code may have trained them.

    Returns:
        For JSON: `version`, the lowest of the code and of the models, and `settings` by name.
    """
    return {
        "version": min([RECIPE, *(model.recipe for model in models)]),
        "settings": counting_settings(settings),
    }


def counting_settings(settings: Settings) -> dict[str, Any]:
    """The settings that can change a figure, by section.name.

    Not places of files, and not what bounds the effort; the phantom's only where it is drawn.
    """
    sections: dict[str, BaseModel] = dict(settings)
    if settings.data.importer not in ("phantom", "combined"):
        del sections["phantom"]
    return {
        f"{section}.{name}": value
        for section, values in sections.items()
        for name, value in _without_places(values).items()
        if name not in EFFORT_SETTINGS.get(section, ())
    }


def changed_since(recipe: Mapping[str, Any] | None, today: Settings) -> list[str]:
    """In what a recorded recipe differs from that of the settings today, in words; empty if not.

    A setting that was not there yet counts as if it had had the default of today: code that does
    otherwise has raised RECIPE.

    Args:
        recipe: of `recipe_of`; None where none is recorded.
    """
    if not recipe:
        return ["not recorded"]
    version, before = recipe["version"], recipe["settings"]
    now, default = counting_settings(today), counting_settings(Settings())
    found = [] if version == RECIPE else [f"code of recipe {version}, now {RECIPE}"]
    for name in sorted(before.keys() | now.keys()):
        was = before.get(name, default.get(name))
        if name not in now:
            found.append(f"{name} was {_text(was)}, now gone")
        elif was != now[name]:
            found.append(f"{name} was {_text(was)}, now {_text(now[name])}")
    return found


def _without_places(section: BaseModel) -> dict[str, Any]:
    """The values of a section as JSON has them, without those that are paths."""
    values = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if Path in (field.annotation, *get_args(field.annotation)):
            continue
        if isinstance(value, tuple):
            value = [_without_places(v) if isinstance(v, BaseModel) else v for v in value]
        values[name] = value
    return values


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
