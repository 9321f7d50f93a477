"""What mkdocs does besides: pages from the repository's root, links to files that are no pages."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ROOT_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
_LINK = re.compile(r"\[([^\]]*)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie in the root of the repository."""
    for name in ROOT_PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as they start in docs/; of one to a file outside of the site only the words stay.

    A link to a file that is not there is left, and fails the build.
    """
    start = "" if page.file.src_uri in ROOT_PAGES else "docs"

    def in_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(start, link[2]))
        uri = target.removeprefix("docs/")
        if target in ROOT_PAGES or (uri != target and files.get_file_from_path(uri)):
            return f"[{link[1]}]({uri}{link[3] or ''})"
        return link[1] if (ROOT / target).exists() else link[0]

    return _LINK.sub(in_site, markdown)
