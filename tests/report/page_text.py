"""What a reader sees of a page."""

import json
import re

_SCRIPTS = re.compile(r"<script>.*?</script>|<script type=.*?</script>", re.DOTALL)


def markup_of(page: str) -> str:
    """A page without its own script and the data of its viewer."""
    return _SCRIPTS.sub("", page)


def text_of(page: str) -> str:
    """The text of a page or of a part of it, with single spaces."""
    body = markup_of(page).rpartition("<body>")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body))


def viewer_data(page: str) -> dict:
    """What the page hands to its viewer."""
    found = re.search(r'id="viewer-data">(.*?)</script>', page, re.DOTALL)
    assert found, "the page has no viewer"
    return json.loads(found[1])
