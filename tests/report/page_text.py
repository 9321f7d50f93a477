"""What a reader sees of a page."""

import re


def text_of(page: str) -> str:
    """The text of a page or of a part of it, with single spaces."""
    body = page.rpartition("<body>")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))
