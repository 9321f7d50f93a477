"""What a look at the machine finds."""

from dataclasses import dataclass

OK, NOTE, PROBLEM = "ok", "note", "problem"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    topic: str  # heading that it belongs under
    state: str  # ok, note or problem
    text: str
    advice: str = ""  # what to do, "" where nothing is
