"""How every page is made: a template, escaped values, one style, nothing from the network.

A template reads the content of JSON files and tables as they are; filters say their numbers.
`base.html` is the frame of every page.
"""

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.pages import filters

_HERE = Path(__file__).parent
STYLE, SCRIPT = "style.css", "viewer.js"


def render(template: Path, **values) -> str:
    """The page of a template, with `style`, the `script` and the values.

    A template that sets `works` gets the script, and no browser runs another one on its page.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in (STYLE, SCRIPT))
    sha256 = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = _environment(template.parent, autoescape=True).get_template(template.name)
    return page.render(
        {"style": Markup(style), "script": Markup(script), "script_sha256": sha256, "works": False},
        **values,
    )


def render_markdown(template: Path, **values) -> str:
    """The Markdown of a template; what comes from outside must go through `| plain`.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    environment = _environment(template.parent, autoescape=False)  # no page of HTML
    environment.keep_trailing_newline = True
    return environment.get_template(template.name).render(**values)


def plain_markdown(text: object) -> str:
    """Text on one line that is no HTML, and no border in a table."""
    return " ".join(str(text).split()).replace("<", "&lt;").replace("|", "\\|")


def html_of_markdown(text: str) -> Markup:
    """Markdown with tables as HTML, headings two levels lower; HTML in it stays text."""
    from markdown_it import MarkdownIt  # few pages have any

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
    html = parser.renderer.render(tokens, parser.options, {})
    within = {"<table>": '<div class="scroll" tabindex="0"><table>', "</table>": "</table></div>"}
    for tag, wider in within.items():
        html = html.replace(tag, wider)
    return Markup(html)


def _environment(folder: Path, *, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, _HERE]),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters.FILTERS
    environment.filters["plain"] = plain_markdown
    environment.filters["from_markdown"] = html_of_markdown
    return environment
