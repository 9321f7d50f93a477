"""Whose processor time is whose."""

import time
from concurrent.futures import ThreadPoolExecutor

from pipeline.run.spent import Spent


def compute(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_other_threads_are_workers_and_what_waits_for_them_is_not():
    begun = Spent.so_far()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(compute, 0.2).result()
    waited = Spent.so_far().since(begun)
    assert waited.workers > 0.15 > waited.own
    compute(0.2)
    assert Spent.so_far().since(begun).own > 0.15
