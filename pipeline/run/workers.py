"""Processes that train one network together, as TF_CONFIG names them.

    {"cluster": {"worker": ["a:3000", "b:3000"]}, "task": {"type": "worker", "index": 0}}

The first one is the chief: it alone writes. The others help.
"""

import json
import os

from pipeline.run.errors import UserError


def is_helper() -> bool:
    """Whether this process helps another one train.

    Raises:
        UserError: TF_CONFIG cannot be read.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return False
    try:
        config = json.loads(text)
        cluster, kind, index = config["cluster"], config["task"]["type"], config["task"]["index"]
        has_chief = "chief" in cluster
        return kind != "chief" and (has_chief or int(index) > 0)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"TF_CONFIG={text} must be JSON with a cluster, lists of host:port by kind, and this "
            'process\'s task, its kind and number, e.g. {"cluster": {"worker": ["a:3000", '
            '"b:3000"]}, "task": {"type": "worker", "index": 0}}.'
        ) from error
