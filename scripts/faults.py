"""Do to a run what machines and people do, and say what it bore.

Writes  runs/faults/faults.json: name, survived (null: not tried here), lost, note of each fault
Run     make faults (KILLS=100; FAULTS=words of a name; SEED=0)
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import start
from pipeline.run.errors import UserError
from tests.fault_injection.catalogue import chosen
from tests.fault_injection.child import imports_for_children
from tests.fault_injection.fault import KILLS, Outcome, run_faults
from tests.fault_injection.outcomes import summary

_MARKS = {
    True: "[green]survived[/]",
    False: "[bold red]NOT SURVIVED[/]",
    None: "[yellow]skipped[/]",
}


def faults(
    name: Annotated[str, typer.Option(help="words of the names of the faults to do")] = "",
    kills: Annotated[int, typer.Option(min=0, help="how often to kill, all together")] = KILLS,
    seed: Annotated[int, typer.Option(help="of the moments and places")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="only those that take seconds")] = False,
    out: Annotated[Path, typer.Option(help="folder for the runs and faults.json")] = Path(
        "runs/faults"
    ),
) -> int:
    """Do faults one after the other; status 1 where one was not survived."""
    each = chosen(name, quick=quick)
    if not each:
        raise UserError(f"FAULTS={name} is in no name of a fault; make faults does all of them.")
    if not quick:
        time = "" if name else ": 15 to 60 minutes on 2 cores"
        print(f"{len(each)} faults, up to {kills} kills{time}", flush=True)
        imports_for_children()
    console, outcomes = Console(), list[Outcome]()
    for outcome, seconds in run_faults(each, out, kills=kills, seed=seed):
        console.print(f"{_MARKS[outcome.survived]} {outcome.name} ({seconds:.0f} s)")
        outcomes.append(outcome)
    table = Table("fault", "", "lost", "note")
    for outcome in outcomes:
        table.add_row(outcome.name, _MARKS[outcome.survived], str(outcome.lost), outcome.note)
    console.print(table)
    print("\n".join(summary(outcomes)))
    return int(any(outcome.survived is False for outcome in outcomes))


if __name__ == "__main__":
    start.command_line(faults)
