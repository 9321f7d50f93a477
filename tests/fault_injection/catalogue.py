"""All faults: the modules that put theirs on the list, in the order in which they are done."""

from tests.fault_injection import (
    canaries,
    damage,
    dicom_files,
    disk,
    hostile_models,
    kills,
    mlflow_outage,
    odd_data,
    run_folder,
)
from tests.fault_injection.fault import FAULTS, Fault

_ORDER = (
    dicom_files,
    odd_data,
    canaries,
    run_folder,
    disk,
    damage,
    hostile_models,
    mlflow_outage,
    kills,
)


def chosen(words: str = "", *, quick: bool = False) -> list[Fault]:
    """The faults in whose name these words stand; quick ones alone, if asked for."""
    names = [module.__name__ for module in _ORDER]
    faults = [each for each in FAULTS.values() if words.lower() in each.name.lower()]
    faults.sort(key=lambda each: names.index(each.module))
    return [each for each in faults if each.quick or not quick]
