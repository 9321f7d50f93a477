"""The error that a user can act on."""

from pydantic import ValidationError


class UserError(Exception):
    """Says what is wrong, where, what was expected and what to do; shown without a traceback."""


def validation_text(error: ValidationError) -> str:
    """What pydantic found wrong, each fault once: `train.epochs: must be ..., not 'x'`."""
    lines = [
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
        + ("" if isinstance(fault["input"], dict | list) else f", not {fault['input']!r}")
        for fault in error.errors()
    ]
    return "; ".join(dict.fromkeys(lines))
