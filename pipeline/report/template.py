"""How every page is made: a template, escaped values, one style, nothing from the network."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_STYLE = Path(__file__).parent / "style.css"


def render(template: Path, **values) -> str:
    """The page of a template, with `style` and the values.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup(_STYLE.read_text(encoding="utf-8"))
    return environment.get_template(template.name).render(style=style, **values)
