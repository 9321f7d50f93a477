"""The error of a figure that the data at hand do not define."""


class Undefined(ValueError):
    """The data lack what the figure needs, a class for instance; not a mistake in the call."""
