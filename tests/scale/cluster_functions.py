"""What the tests of clusters let workers do; workers import it by name."""

import os
import signal
import time

from pipeline.run.errors import UserError


def wait_a_little(seconds):
    time.sleep(seconds)
    return os.getpid()


def kill_the_worker(item):
    """Take the process down that started this one, as nothing that a file does can."""
    if item == "poison":
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    time.sleep(1)
    return item


class Counted:
    """Tells how often this process has loaded it."""

    loads = 0

    def __setstate__(self, state):
        Counted.loads += 1

    def __getstate__(self):
        return {"a": "network"}

    def __call__(self, item):
        return os.getpid(), Counted.loads


def refuse(item):
    if item == "late":
        time.sleep(2)
    if item == "wrong":
        raise ValueError("wrong it is")
    if item == "mendable":
        raise UserError("mend it")
    return item
