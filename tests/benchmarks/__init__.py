"""Measurements that no test makes: each bench_*.py here has a function bench(repeats) -> dict."""
