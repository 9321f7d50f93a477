"""How every page is made: a template, escaped values, one style, nothing from the network."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_STYLE = Path(__file__).parent / "style.css"


def render_markdown(template: Path, **values) -> str:
    """The Markdown of a template; what comes from outside must go through `| plain`.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    environment = Environment(  # no page of HTML
        loader=FileSystemLoader(template.parent),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain_markdown
    environment.filters["table"] = markdown_table
    return environment.get_template(template.name).render(**values)


def plain_markdown(text: object) -> str:
    """Text on one line that is no HTML, and no border in a table."""
    return " ".join(str(text).split()).replace("<", "&lt;").replace("|", "\\|")


def markdown_table(rows: Iterable[Sequence], head: Sequence[str], numbers: int = 0) -> str:
    """A table; the last `numbers` columns are aligned to the right.

    Example:
        >>> print(markdown_table([("a", 1)], ["name", "n"], numbers=1))
        | name | n |
        |---|---:|
        | a | 1 |
    """
    border = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    lines = [head, *([plain_markdown(cell) for cell in row] for row in rows)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], "|" + "|".join(border) + "|", *text[1:]])


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
