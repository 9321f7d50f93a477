"""SkyPilot's reading of task files, as JSON: run by the Python of .venv-cloud, without any network.

Run     python skypilot_tasks.py FILE...
"""

import json
import socket
import sys
from pathlib import Path
from typing import NoReturn


def _no_network(*_: object, **__: object) -> NoReturn:
    raise AssertionError("a task file was read by way of the network")


def _read(path: str) -> dict:
    import sky
    import yaml

    config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    # What sky jobs launch takes from --env.
    wanted = [name for name, value in config["envs"].items() if value is None]
    given = {name: f"s3://{name.lower()}-of-a-test" for name in wanted}
    try:
        task = sky.Task.from_yaml_config(config, env_overrides=list(given.items()))
    except ValueError as error:
        return {"refused": str(error)}
    return {
        "given": given,
        "setup": task.setup,
        "run": task.run,
        "envs": task.envs,
        "spot": all(each.use_spot for each in task.resources),
        "accelerators": [each.accelerators for each in task.resources],
        "recovery": [each.job_recovery for each in task.resources],
        "mounts": {
            at: {"source": storage.source, "mode": storage.mode.value}
            for at, storage in task.storage_mounts.items()
        },
    }


if __name__ == "__main__":
    socket.socket.connect = socket.getaddrinfo = _no_network  # type: ignore[method-assign,assignment]
    json.dump({path: _read(path) for path in sys.argv[1:]}, sys.stdout)
