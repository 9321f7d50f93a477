"""Who helps and who is the chief, by TF_CONFIG."""

import json

import pytest

from pipeline.run.errors import UserError
from pipeline.run.workers import is_helper

TWO = {"worker": ["a:1", "b:1"]}


@pytest.mark.parametrize(
    ("cluster", "kind", "index", "helps"),
    [
        (TWO, "worker", 0, False),
        (TWO, "worker", 1, True),
        ({"chief": ["c:1"], **TWO}, "chief", 0, False),
        ({"chief": ["c:1"], **TWO}, "worker", 0, True),
    ],
)
def test_all_but_the_chief_help(monkeypatch, cluster, kind, index, helps):
    config = {"cluster": cluster, "task": {"type": kind, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert is_helper() == helps


def test_without_tf_config_nobody_helps(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert not is_helper()


@pytest.mark.parametrize("text", ["{", "[]", '{"cluster": {}}'])
def test_a_damaged_tf_config_is_told(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match=r"TF_CONFIG=.* must be JSON with a cluster"):
        is_helper()
