"""The view of MLflow's table of runs that shows what they are compared by: figures and settings.

Without one the table shows no figure of any run. It lies in a tag of the experiment, where MLflow
keeps the views that people save, and is among them in its menu.
"""

import json
import time

from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.figures.registry import FIRST_FIGURES
from pipeline.tracking.client import VIEW

TAG = f"mlflow.sharedViewState.{VIEW}"
METRICS = (*FIRST_FIGURES, "patients")
PARAMS = ("network.backbone", "train.members", "train.seed")
# As the table calls its own: the data set is its first.
COLUMNS = (
    "attributes.`Dataset`",
    *(f"metrics.`{name}`" for name in METRICS),
    *(f"params.`{name}`" for name in PARAMS),
    "attributes.`Version`",  # the commit
)


def save_view(client: MlflowClient, experiment: Experiment) -> None:
    """Give an experiment the view, where it has none of that name; users may change it."""
    if TAG not in experiment.tags:
        now_ms = round(time.time() * 1000)
        state = json.dumps({"selectedColumns": COLUMNS})
        view = {"name": "Results", "createdAt": now_ms, "updatedAt": now_ms, "state": state}
        text = json.dumps(view)
        try:
            client.set_experiment_tag(experiment.experiment_id, TAG, text)
        except MlflowException:  # another run's first upload may give it this moment
            client.set_experiment_tag(experiment.experiment_id, TAG, text)
