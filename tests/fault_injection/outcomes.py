"""What is said of all faults: in a line, and as a page of the documentation."""

import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.run.atomic import read_json
from tests.fault_injection.fault import Outcome

_HEAD = """# Faults

`make faults` does to a small run what machines and people do to runs, each fault in a folder of
its own, and says what the run bore (`KILLS=300` kills more often, `FAULTS=disk` does those with
that word in their name, `SEED=1` takes other moments). After a kill the same command is given once
more, to its end, and tables, maps, pictures and weights are compared with those of a run that
nothing happened to. `make test` does the quick ones. This page is made of
`docs/results/faults.json`, and of `docs/results/kills.json`, which
`make faults FAULTS="kill -9" KILLS=300` wrote.
"""
_KILLS, _NOT_BORNE = re.compile(r"(\d+) of (\d+) kills"), re.compile(r"kill (\d+) after")


def summary_line(outcomes: Sequence[Outcome]) -> str:
    """How many were survived, what was lost, and how many could not be tried."""
    tried = [each for each in outcomes if each.survived is not None]
    survived, lost = sum(bool(each.survived) for each in tried), sum(each.lost for each in tried)
    skipped = len(outcomes) - len(tried)
    return f"{survived} of {len(tried)} faults survived, {lost or 'nothing'} lost" + (
        f"; {skipped} not tried here" if skipped else ""
    )


def kills_line(outcomes: Sequence[Outcome]) -> str:
    """After how many kills at random moments the results were identical; "" without any."""
    same = tried = 0
    for each in outcomes:
        if counts := _KILLS.match(each.note):
            same, tried = same + int(counts[1]), tried + int(counts[2])
        elif broken := _NOT_BORNE.match(each.note):
            same, tried = same + int(broken[1]) - 1, tried + int(broken[1])
    return f"{same} of {tried} kills: rerun identical" if tried else ""


def summary(outcomes: Sequence[Outcome]) -> list[str]:
    """What is said of all faults, of the kills and of the canaries, where there were any."""
    found = (each.note for each in outcomes if each.note.endswith("canaries found"))
    return [summary_line(outcomes), *filter(None, (kills_line(outcomes),)), *found]


def faults_markdown(results: Path) -> str:
    """The page on the faults whose outcomes a folder keeps in faults.json and kills.json."""
    outcomes, killed = (
        [Outcome(**each) for each in read_json(results / name) or []]
        for name in ("faults.json", "kills.json")
    )
    rows = ["| fault | survived | lost | |", "|---|---|---|---|"]
    words = {True: "yes", False: "**no**", None: "not tried"}
    for each in outcomes:
        note = each.note.replace("|", "/")
        rows.append(f"| {each.name} | {words[each.survived]} | {each.lost} | {note} |")
    lines = [*summary(outcomes), kills_line(killed)]
    return "\n".join([_HEAD, *(f"- **{line}**" for line in lines if line), "", *rows, ""])
