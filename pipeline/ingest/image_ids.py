"""Short, unique ids for files: the name without suffix, with parent folders where needed."""

import hashlib
import re
from collections import Counter

_SUFFIX = re.compile(r"\.(dcm|dicom|dic|ima|img)$", re.IGNORECASE)


def image_ids(names: list[str]) -> dict[str, str]:
    """Ids for files, relative to the root with forward slashes.

    Ids differ in more than capitals, because some file systems do not keep them apart.

    >>> image_ids(["a/1.dcm", "b/1.dcm", "b/2.dcm"])
    {'a/1.dcm': 'a-1', 'b/1.dcm': 'b-1', 'b/2.dcm': '2'}
    """
    depth = dict.fromkeys(names, 1)
    while True:
        ids = {name: _joined(name, depth[name]) for name in names}
        counts = Counter(value.lower() for value in ids.values())
        clashing = [n for n in names if counts[ids[n].lower()] > 1 and depth[n] <= n.count("/")]
        if not clashing:
            # Whole paths may differ in signs or suffix only.
            return {
                n: i if counts[i.lower()] == 1 else f"{i}-{_short_hash(n)}" for n, i in ids.items()
            }
        for name in clashing:
            depth[name] += 1


def _joined(name: str, depth: int) -> str:
    parts = _SUFFIX.sub("", name).split("/")[-depth:]
    text = "-".join(re.sub(r"[^A-Za-z0-9._-]+", "-", part) for part in parts).strip("-._")
    if len(text) > 150:
        return f"{text[:150]}-{_short_hash(name)}"
    return text or f"image-{_short_hash(name)}"


def _short_hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]
