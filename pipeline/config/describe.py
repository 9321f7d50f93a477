"""The settings as a table for people."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args, get_origin

from pipeline.config import Settings

_HEAD = """# Settings

For one run `SET="train.epochs=20 maps.zooms=0.8,1,1.25"`, or the same in a file as in `configs/`,
which `CONFIG` names. Commas part a list; `none` is no value. Written by `make docs` from
`pipeline/config/`.
"""


def settings_markdown() -> str:
    """All settings with default, meaning and limits, one Markdown table per section."""
    parts = [_HEAD]
    for name, field in Settings.model_fields.items():
        section = type(field.default)
        parts.append(f"\n## {name}\n\n{(section.__doc__ or '').strip()}\n")
        parts.append("| setting | default | meaning |\n|---|---|---|")
        defaults = field.default.model_dump(mode="json")
        for key, setting in section.model_fields.items():
            parts.append(f"| `{name}.{key}` | `{_text(defaults[key])}` | {_meaning(setting)} |")
    return "\n".join(parts) + "\n"


def settings_help(sections_of: Mapping[str, Sequence[str]]) -> str:
    """All settings of each stage as paragraphs of a command's help, which click does not fill."""
    defaults = Settings().model_dump(mode="json")
    lines = [
        f"{stage}: {name}.{key} = {_text(defaults[name][key])}: {_meaning(setting)}"
        for stage, sections in sections_of.items()
        for name in sections
        for key, setting in type(getattr(Settings(), name)).model_fields.items()
    ]
    return (
        '\n\n\b\nSettings (SET="name=value"), by the stage that a changed one redoes:\n'
        + "\n".join(lines)
    )


def _text(value) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return "none" if text in ("", "None") else text.lower() if isinstance(value, bool) else text


def _meaning(setting) -> str:
    signs = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    limits = [
        f"{signs[sign]} {getattr(rule, sign)}"
        for rule in setting.metadata
        for sign in signs
        if getattr(rule, sign, None) is not None
    ]
    words = get_args(setting.annotation) if get_origin(setting.annotation) is Literal else ()
    if not all(re.search(rf"\b{word}\b", setting.description) for word in words):
        limits.append(f"one of {', '.join(map(str, words))}")
    return setting.description + (f" ({', '.join(limits)})" if limits else "")
