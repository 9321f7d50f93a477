"""Measurements that no test makes: each bench_*.py here has a function rows(repeats) -> list[Row].

So many repeats are made of what takes milliseconds, and fewer of what takes seconds.
"""
