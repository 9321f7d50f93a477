"""What the report says about the controls: the rows of controls.json as text."""

import json
from dataclasses import dataclass

from pipeline.run.layout import RunFolder

NAMES = {
    "permuted_labels": "Labels permuted within each image: patch AUC",
    "oracle_heatmap": "A map made from the outlines: mean FROC sensitivity",
    "background_alone": "The image without its breast: AUC",
}
VERDICTS = {True: "holds", False: "does not hold", None: "not judged"}


@dataclass(frozen=True)
class ControlRow:
    """One control; `fault` where it must hold and does not."""

    title: str
    value: str
    interval: str
    expected: str
    verdict: str
    sentence: str
    fault: bool


def read_controls(run: RunFolder) -> list[ControlRow]:
    """The controls of a run; empty before `make controls`."""
    if not run.controls.is_file():
        return []
    controls = json.loads(run.controls.read_text(encoding="utf-8"))
    return [_row(name, control) for name, control in controls.items()]


def _row(name: str, control: dict) -> ControlRow:
    value, low, high = (control[key] for key in ("value", "low", "high"))
    return ControlRow(
        title=NAMES.get(name, name),
        value="–" if value is None else f"{value:.3f}",
        interval="" if low is None else f"{low:.3f} to {high:.3f}",
        expected=f"{control['expected']:g}",
        verdict=VERDICTS[control["holds"]],
        sentence=control["sentence"],
        fault=control["required"] and control["holds"] is False,
    )
