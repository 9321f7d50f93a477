"""Say what can be decoded here, and whether packages, GPU, memory and disk suffice for a run.

Reads   CONFIG, RUN/settings/run.yaml, RUN/catalog/images.csv where the run has them
Writes  nothing
Run     make doctor
"""

import itertools

from rich.console import Console

import start
from pipeline.checkup import machine
from pipeline.run.layout import RunFolder
from pipeline.run.settings import given_overrides, joined

_MARKS = {
    machine.OK: "[green]ok     [/]",
    machine.NOTE: "[yellow]note   [/]",
    machine.PROBLEM: "[bold red]PROBLEM[/]",
}


def doctor(
    run: start.Run, config: str = "", set: str = "", model: str = "", input: str = ""
) -> int:
    """Say what can be decoded here, and whether this machine suffices for a run."""
    folder = RunFolder(run)
    overrides = given_overrides(set, input_root=input)
    settings, _ = joined(folder, config=config, overrides=overrides)
    console = Console(highlight=False, soft_wrap=True)
    console.print("doctor: TensorFlow starts, 10 to 20 seconds")
    checks = machine.check_machine(folder, settings, with_model=bool(model))
    for topic, of_topic in itertools.groupby(checks, lambda check: check.topic):
        console.print(f"\n[bold]{topic}[/]")
        for check in of_topic:
            console.print(f"  {_MARKS[check.state]} ", end="")
            console.print(check.text, markup=False)
            if check.advice:
                console.print(f"          {check.advice}.", markup=False)
    console.print(f"\n{machine.verdict(checks)}")
    if any(check.state == machine.PROBLEM for check in checks):
        return 1
    console.print("next: make intake with the same words says what would become of each file")
    return 0


if __name__ == "__main__":
    start.command_line(doctor)
