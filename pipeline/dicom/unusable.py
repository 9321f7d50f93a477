"""The end of a file that does not become a mammogram."""


class Unusable(Exception):
    """A file that is skipped (not what we look for) or failed (broken), and why.

    Args:
        status: skipped or failed.
        reason: one line for RUN/intake.csv.
    """

    def __init__(self, status: str, reason: str):
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason

    def __reduce__(self):  # so that it passes between processes
        return Unusable, (self.status, self.reason)


def one_line(error: object) -> str:
    """An error as one line of a reason: its text, or its kind where it has none.

    Of an error of the system without the path, which the reason of a file need not name.
    """
    text = (error.strerror if isinstance(error, OSError) else "") or str(error)
    return " ".join(text.split())[:300] or type(error).__name__
