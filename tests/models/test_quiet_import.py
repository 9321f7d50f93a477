"""TensorFlow is imported without its chatter and without what only costs time."""

import importlib
import sys
import threading

import pytest

from models import quiet_import

FAKE = """
import os
os.write(2, b"oneDNN custom operations are on. You may see\\nW0000 no such device\\n")
try:
    import big_and_not_needed
except ImportError:
    big_and_not_needed = None
"""


@pytest.mark.parametrize(("threads", "hidden"), [(1, True), (2, False)])
def test_what_is_not_needed_is_left_out_where_no_other_thread_may_want_it(
    tmp_path, monkeypatch, capfd, threads, hidden
):
    (tmp_path / "tensorflow.py").write_text(FAKE)
    (tmp_path / "big_and_not_needed.py").write_text("")
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(quiet_import, "NOT_NEEDED", ("big_and_not_needed",))
    monkeypatch.setattr(threading, "active_count", lambda: threads)
    try:
        quiet_import.import_tensorflow()
        assert (sys.modules["tensorflow"].big_and_not_needed is None) == hidden
        assert importlib.import_module("big_and_not_needed")  # and can be imported afterwards
    finally:
        for name in ("tensorflow", "big_and_not_needed"):
            sys.modules.pop(name, None)
    assert capfd.readouterr().err == "W0000 no such device\n"
