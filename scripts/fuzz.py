"""Put damaged copies of files through the reader and the importers; status 1 if one crashed.

Reads   MAMMO_DATA/dicom-files, where it is there
Writes  OUT/fuzz.json, and the copies that crashed beside it
Run     make fuzz FILES=100000 SEED=0
"""

import os
from pathlib import Path

import start
from tests.fault_injection.fuzz import fuzz as fuzz_files
from tests.fault_injection.fuzz import fuzz_line, fuzz_table


def fuzz(
    files: int = 100_000,
    seed: int = 0,
    out: Path = Path("runs/fuzz"),
    workers: int | None = None,
) -> int:
    """Put damaged copies of files through the reader and the importers."""
    folder = Path(os.environ.get("MAMMO_DATA", "../shared")) / "dicom-files"
    given = folder if folder.is_dir() else None
    result = fuzz_files(files=files, seed=seed, folder=out, given=given, workers=workers)
    print(fuzz_table(result))
    for crash in result["crashes"]:
        print(f"crashed: number {crash['number']}, {crash['file']}: {crash['error']}")
    print(f"{out / 'fuzz.json'}: {fuzz_line(result)}")
    return 1 if result["crashes"] else 0


if __name__ == "__main__":
    start.command_line(fuzz)
