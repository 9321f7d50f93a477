"""From CONFIG and SET to the settings of a run, kept in RUN/settings; and back from there.

Where the data are a hospital's, RUN holds pseudonyms of its folders and files.
"""

import datetime
import difflib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import get_args, get_origin

import yaml
from pydantic import ValidationError

from pipeline.config import Section, Settings
from pipeline.run.atomic import says, write_text, yaml_text
from pipeline.run.errors import UserError, validation_text
from pipeline.run.graph import STAGE_SECTIONS
from pipeline.run.layout import RunFolder
from pipeline.run.lock import locked
from pipeline.run.object_path import place
from pipeline.run.pseudonyms import Pseudonyms, known_original, original

DEFAULT_CONFIG = "configs/default.yaml"
# Settings of data, and of each of its sets, that name files or folders.
_PATHS = ("root", "findings", "split")


@dataclass(frozen=True)
class Remembered:
    """What the user gave for a run, over all commands."""

    config: str = ""
    overrides: dict[str, str] = field(default_factory=dict)
    model: str = ""


def parse_set(text: str) -> dict[str, str]:
    """Split `SET="train.epochs=3 data.root='my data'"` into names and values, as a shell would.

    Raises:
        UserError: a quotation mark has no partner; a word has no "=" or no section.
    """
    overrides: dict[str, str] = {}
    for word in words_of(text, what="SET", example="\"data.root='my data'\""):
        name, equals, value = word.partition("=")
        if not equals or "." not in name:
            last = next(reversed(overrides), "data.root")
            raise UserError(
                f"SET takes section.name=value, not {word!r}, e.g. train.epochs=3. If it goes on "
                f"a value with blanks, put that between quotation marks: SET=\"{last}='...'\"."
            )
        overrides[name] = value
    return overrides


def words_of(text: str, *, what: str, example: str) -> list[str]:
    """Split what is given as one text into words, as a shell would.

    Args:
        what: the variable of Make, for the message.
        example: how a blank is given.

    Raises:
        UserError: a quotation mark has no partner.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UserError(
            f"{what}={text} cannot be split into words: {error}. Put a value with blanks or "
            f"quotation marks between quotation marks, e.g. {what}={example}."
        ) from error


def given_overrides(set_text: str, *, input_root: str = "") -> dict[str, str]:
    """What SET and INPUT give, by name; INPUT is short for data.root."""
    return parse_set(set_text) | ({"data.root": input_root} if input_root else {})


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
    for name, given in overrides.items():
        _check_name(name, where="SET")
        value = known_original(given) if name == "data.sets" else original(given)
        section, key = name.split(".", 1)
        annotation = _section(section).model_fields[key].annotation
        tree.setdefault(section, {})[key] = _given_value(value, annotation)
    try:
        return _placed(Settings.model_validate(tree))
    except ValidationError as error:
        raise UserError(f"{config} with SET: {validation_text(error)}") from error


def remember(run: RunFolder, settings: Settings, remembered: Remembered) -> list[str]:
    """Write RUN/settings; return the stages whose settings changed.

    A stage's file is rewritten only when its content changes, so Make redoes that stage. Nothing is
    written while another process works on the run folder: what it makes would be newer than the new
    settings, and so be taken for made with them.

    Raises:
        UserError: something would change, and another process works on the run folder.
    """
    files = _files_of(run, settings, remembered)
    changing = [path for path, text in files.items() if not _says_the_same(path, text)]
    if not changing:
        return []
    existed = {path for path in changing if path.is_file()}
    with locked(run, what="The settings cannot change now"):
        for path in changing:
            write_text(path, files[path])
    return [stage for stage in STAGE_SECTIONS if run.stage_settings(stage) in existed]


def _says_the_same(path: Path, text: str) -> bool:
    """Whether a file of RUN/settings says this; what older code did not have is its default."""
    if says(path, text):
        return True
    if not path.is_file():
        return False
    wanted, defaults = yaml.safe_load(text), Settings().model_dump(mode="json")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {name: defaults[name] | found[name] for name in wanted} == wanted
    except (yaml.YAMLError, UnicodeDecodeError, LookupError, TypeError):  # damaged, or run.yaml
        return False


def _files_of(run: RunFolder, settings: Settings, remembered: Remembered) -> dict[Path, str]:
    """The files of RUN/settings and what they say."""
    tree = told(settings)
    files = {
        run.stage_settings(stage): yaml_text({s: tree[s] for s in sections})
        for stage, sections in STAGE_SECTIONS.items()
    }
    given = (
        ("config", remembered.config),
        ("set", _told_overrides(settings, remembered.overrides)),
        ("model", remembered.model),
    )
    return {**files, run.remembered: yaml_text(dict(given))}


def told(settings: Settings) -> dict:
    """All settings by section, as RUN, the model and MLflow hold them.

    Raises:
        UserError: the key of the pseudonyms cannot be read.
    """
    tree = settings.model_dump(mode="json")
    if settings.data.has_secrets:
        pseudonyms = Pseudonyms()
        for part in (tree["data"], *tree["data"]["sets"]):
            paths = {name: part[name] for name in _PATHS if part[name]}
            part.update({name: pseudonyms.of("path", path) for name, path in paths.items()})
        pseudonyms.keep()
    return tree


def _told_overrides(settings: Settings, overrides: Mapping[str, str]) -> dict[str, str]:
    """The same for what SET gave."""
    names = [n for n in (*(f"data.{name}" for name in _PATHS), "data.sets") if n in overrides]
    values = {name: original(overrides[name]) for name in names}
    if names and settings.data.has_secrets:
        pseudonyms = Pseudonyms()
        values = {name: pseudonyms.of("path", value) for name, value in values.items()}
        pseudonyms.keep()
    return {**overrides, **values}


def recall(run: RunFolder) -> Remembered:
    """What earlier commands gave for this run; empty for a new one."""
    if not run.remembered.is_file():
        return Remembered()
    try:
        tree = yaml.safe_load(run.remembered.read_text(encoding="utf-8"))
        config, overrides, model = tree["config"], tree["set"], tree["model"]
        texts = (config, model, *overrides, *overrides.values())
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        texts = (None,)
    if not all(isinstance(text, str) for text in texts):
        raise UserError(
            f"{run.remembered} is damaged: it does not say with which config, set and model the "
            "run was made. Delete it and give CONFIG, SET and MODEL again."
        )
    return Remembered(config, overrides, model)


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


def load_settings(run: RunFolder) -> Settings:
    """The settings of a run, from RUN/settings/<stage>.yaml.

    Raises:
        UserError: the run folder has none, or damaged ones.
    """
    tree: dict = {}
    again = f"make settings RUN={shlex.quote(str(run.root))} writes it anew."
    for stage in STAGE_SECTIONS:
        path = run.stage_settings(stage)
        if not path.is_file():
            raise UserError(
                f"{path} is missing. Start with make, e.g. make preprocess "
                f"RUN={shlex.quote(str(run.root))}."
            )
        try:
            tree.update(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (yaml.YAMLError, ValueError, TypeError) as error:
            raise UserError(f"{path} is damaged. {again}") from error
    try:
        for part in (tree["data"], *tree["data"].get("sets", ())):
            part.update({name: original(part[name]) for name in _PATHS if part.get(name)})
        return _placed(Settings.model_validate(tree))
    except (LookupError, TypeError, AttributeError, ValidationError) as error:
        raise UserError(f"{path.parent} is damaged. {again}") from error


def _placed(settings: Settings) -> Settings:
    """The same, with paths on object stores as what they are."""
    data, store = settings.data, settings.store
    sets = tuple(each.model_copy(update=_places(each)) for each in data.sets)
    data = data.model_copy(update={**_places(data), "sets": sets})
    store = store.model_copy(update={"root": place(store.root)})
    return settings.model_copy(update={"data": data, "store": store})


def _places(paths: Section) -> dict[str, Path]:
    named = {name: getattr(paths, name) for name in _PATHS}
    return {name: place(path) for name, path in named.items() if path}


def setting_names() -> list[str]:
    """All settings as section.name."""
    return [
        f"{section}.{name}"
        for section in Settings.model_fields
        for name in _section(section).model_fields
    ]


def _section(name: str) -> type[Section]:
    return type(Settings.model_fields[name].default)


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


def _given_value(text: str, annotation):
    """The value of a setting of this type; a path or a name is what it is, be it 3 or null.

    `none`, as docs/settings.md writes it, is no value or an empty list where there may be one.
    """
    types = (annotation, *get_args(annotation))
    if text == "none" and (NoneType in types or get_origin(annotation) is tuple):
        return None if NoneType in types else []
    if not {Path, str}.isdisjoint(types):
        return text or None
    names = any(get_origin(of) is tuple and get_args(of)[0] is str for of in types)
    if names and "," in text:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text or None if names else _parse_value(text)


def _parse_value(text: str):
    """A number, truth value or null of YAML, or a list where there are commas; else the text."""
    if "," in text:
        return [_parse_value(part) for part in text.split(",") if part.strip()]
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return text if isinstance(value, str | datetime.date) else value
