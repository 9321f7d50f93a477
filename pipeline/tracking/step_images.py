"""Pictures by step, which MLflow shows as a grid with a slider.

`MlflowClient.log_image` gives each picture a random name, so that one whose sending was never
answered would be there twice. Here the same picture has the same name.
"""

import re
import shutil
import zlib
from pathlib import Path

from mlflow.tracking import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_IMAGES

from pipeline.run.scratch import scratch_folder

_REFUSED = re.compile(r"[^\w\-./ ]", re.ASCII)  # in the key of a picture
SUFFIXES = (".webp", "+compressed.webp")  # of the whole picture, and of the one in the grid


def send_image(
    client: MlflowClient, run_id: str, path: Path, key: str, step: int, *, time_ms: int
) -> None:
    """Log a small WebP picture as `log_image` does; again, it replaces itself.

    Args:
        key: what it shows, which is the same at all steps.
        time_ms: the same each time.
    """
    place = _REFUSED.sub("_", key).replace("/", "~")
    name = f"{place}+step+{step}+timestamp+{time_ms}+{zlib.crc32(key.encode()):08x}"
    with scratch_folder() as scratch:
        for suffix in SUFFIXES:
            copy = shutil.copy(path, scratch / f"{name}{suffix}")
            client.log_artifact(run_id, str(copy), "images")
    client.set_tag(run_id, MLFLOW_LOGGED_IMAGES, "True")
