"""Lines that say what a user should know about a data set, while it is read."""

from collections.abc import Collection


def tell(what: str, names: Collection[str] = ()) -> None:
    """Print a note: what is to be known, and of which files or images; of many, the first."""
    shown = ", ".join(list(names)[:3])
    count = f"{len(names)}, such as " if len(names) > 3 else ""
    print(f"note: {what}: {count}{shown}" if names else f"note: {what}", flush=True)


def some(values: Collection[str], between: str = ", ", *, most: int = 5) -> str:
    """The first of many values, and how many more there are.

    >>> some("abcdefg")
    'a, b, c, d, e and 2 more'
    """
    shown = list(values)[:most]
    more = len(values) - len(shown)
    return between.join(shown) + (f" and {more} more" if more else "")
