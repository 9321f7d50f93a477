"""Write a model for other programs: SavedModel, ONNX, LiteRT, in a folder for a model hub.

Reads   the model of MODEL or RUN
Writes  OUT, else RUN/export: README.md, the network in each form, weights, export.json
Run     make export-model MODEL=runs/x; docs/exporting.md
"""

from pathlib import Path

import start
from pipeline.model_out.exported_model import export_model as export
from pipeline.run.layout import RunFolder


def export_model(run: start.Run, model: str = "", out: Path | None = None) -> None:
    """Write a model as SavedModel, ONNX and LiteRT, each compared with the network."""
    place = Path(model or run)
    print(f"export-model: {export(place, out or RunFolder(place).export)}")
    print("next: docs/exporting.md says how other programs read it")


if __name__ == "__main__":
    start.command_line(export_model)
