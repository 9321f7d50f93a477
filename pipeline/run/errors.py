"""The error that a user can act on."""


class UserError(Exception):
    """Says what is wrong, where, what was expected and what to do; shown without a traceback."""
