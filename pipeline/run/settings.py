"""From CONFIG and SET to the settings of a run, remembered in RUN/settings."""

import difflib
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import ValidationError

from pipeline.config import STAGE_SECTIONS, Settings
from pipeline.run.atomic import write_text_if_changed, yaml_text
from pipeline.run.errors import UserError
from pipeline.run.layout import RunFolder


@dataclass(frozen=True)
class Remembered:
    """What the user said about a run, over all his commands."""

    config: str = ""
    overrides: dict[str, str] = field(default_factory=dict)
    model: str = ""


def parse_set(text: str) -> dict[str, str]:
    """Split `SET="train.epochs=3 data.limit=20"` into names and values.

    Raises:
        UserError: a word has no "=" or no section.
    """
    overrides = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals or "." not in name:
            raise UserError(f"SET takes section.name=value, not {word!r}, e.g. train.epochs=3")
        overrides[name] = value
    return overrides


def build_settings(config: Path, overrides: dict[str, str]) -> Settings:
    """Defaults, then the YAML file, then the overrides.

    Raises:
        UserError: the file is missing or wrong, a name is misspelt, a value out of limits.
    """
    if not config.is_file():
        near = sorted(str(p) for p in config.parent.glob("*.yaml"))
        raise UserError(f"CONFIG={config} does not exist. There are: {', '.join(near) or 'none'}.")
    try:
        tree = yaml.safe_load(config.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise UserError(f"{config} is not YAML: {error}") from error
    if not isinstance(tree, dict) or not all(isinstance(v, dict) for v in tree.values()):
        raise UserError(
            f"{config} must hold sections of settings, such as 'train:' with 'epochs: 3'."
        )
    for section, values in tree.items():
        for name in values:
            _check_name(f"{section}.{name}", where=str(config))
    for name, value in overrides.items():
        _check_name(name, where="SET")
        section, key = name.split(".", 1)
        tree.setdefault(section, {})[key] = _parse_value(value)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}"
            + ("" if isinstance(e["input"], dict) else f", not {e['input']!r}")
            for e in error.errors()
        ]
        raise UserError(f"{config} with SET: " + "; ".join(dict.fromkeys(lines))) from error


def remember(run: RunFolder, settings: Settings, remembered: Remembered) -> list[str]:
    """Write RUN/settings; return the stages whose settings changed.

    A stage's file is rewritten only when its content changes, so Make redoes that stage.
    """
    changed = []
    tree = settings.model_dump(mode="json")
    for stage, sections in STAGE_SECTIONS.items():
        path = run.stage_settings(stage)
        existed = path.is_file()
        if write_text_if_changed(path, yaml_text({s: tree[s] for s in sections})) and existed:
            changed.append(stage)
    text = yaml_text(
        {
            "config": remembered.config,
            "set": remembered.overrides,
            "model": remembered.model,
        }
    )
    write_text_if_changed(run.remembered, text)
    return changed


def recall(run: RunFolder) -> Remembered:
    """What earlier commands said about this run; empty for a new one."""
    if not run.remembered.is_file():
        return Remembered()
    tree = yaml.safe_load(run.remembered.read_text(encoding="utf-8"))
    return Remembered(tree["config"], tree["set"], tree["model"])


def load_settings(run: RunFolder) -> Settings:
    """The settings of a run, from RUN/settings/<stage>.yaml.

    Raises:
        UserError: the run folder has none.
    """
    tree = {}
    for stage in STAGE_SECTIONS:
        path = run.stage_settings(stage)
        if not path.is_file():
            raise UserError(
                f"{path} is missing. Start with make, e.g. make preprocess RUN={run.root}."
            )
        tree.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    return Settings.model_validate(tree)


def setting_names() -> list[str]:
    """All settings as section.name."""
    return [
        f"{section}.{name}"
        for section, field in Settings.model_fields.items()
        for name in field.annotation.model_fields
    ]


def _check_name(name: str, *, where: str) -> None:
    names = setting_names()
    if name in names:
        return
    # A right name in the wrong section is the commonest slip; then spelling.
    last = name.rsplit(".", 1)[-1]
    near = [n for n in names if n.split(".")[1] == last] or difflib.get_close_matches(
        name, names, 3, 0.6
    )
    hint = f" Did you mean {' or '.join(near)}?" if near else " make help lists all settings."
    raise UserError(f"{where} names a setting that does not exist: {name}.{hint}")


def _parse_value(text: str):
    """A YAML scalar, or a list where there are commas; anything else stays text."""
    if "," in text:
        return [_parse_value(part) for part in text.split(",") if part]
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
