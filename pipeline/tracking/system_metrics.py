"""What the machine is doing while a stage runs, under the names of MLflow's tab for it."""

import contextlib
import time
from functools import cache

from mlflow.system_metrics.metrics.base_metrics_monitor import BaseMetricsMonitor
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

from pipeline.run.events import EventLog, read_events
from pipeline.run.layout import RunFolder
from pipeline.tracking.attempts import read_attempts


def note_system_metrics(run: RunFolder) -> None:
    """Log what the machine did since the call before, for the stage that is open in a run folder.

    The first call of a process, with no call before, logs nothing.
    """
    is_first = not _monitors.cache_info().currsize
    values: dict[str, float] = {}
    for monitor in _monitors():
        monitor.collect_metrics()
        values |= {f"system/{name}": value for name, value in monitor.aggregate_metrics().items()}
        monitor.clear_metrics()
    opened = [each for each in read_attempts(read_events(run.events)) if each.ended is None]
    if opened and not is_first:
        seconds = time.time() - opened[-1].begin_ms / 1000
        EventLog(run, opened[-1].stage).metrics(values, step=max(1, round(seconds)))


@cache
def _monitors() -> tuple[BaseMetricsMonitor, ...]:
    found = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    with contextlib.suppress(ImportError, RuntimeError):  # no GPU, or no package that reads it
        found.append(GPUMonitor())
    return tuple(found)
