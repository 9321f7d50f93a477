"""Say that the model of a run is the one to use: the alias champion of its registered model.

Reads   RUN/metrics.json or RUN/crossval.json, the model, the MLflow tracking store
Writes  the alias in MLflow
Run     make champion RUN=...
"""

import start
from pipeline.run.layout import RunFolder
from pipeline.tracking.client import quiet_environment


def champion(run: start.Run) -> None:
    """Say that the evaluated model of a run is the one to use."""
    quiet_environment()
    from pipeline.tracking.model_registry import make_champion
    from pipeline.tracking.sender import open_client

    print(make_champion(open_client(), RunFolder(run)))


if __name__ == "__main__":
    start.command_line(champion)
